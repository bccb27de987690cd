export { hsl } from "d3-color/src/color.js";
export { default as scaleOrdinal } from "d3-scale/src/ordinal.js";
export { default as schemeCategory10 } from "d3-scale-chromatic/src/categorical/category10.js";
export { default as select } from "d3-selection/src/select.js";
export { default as selectAll } from "d3-selection/src/selectAll.js";
export { default as line } from "d3-shape/src/line.js";
export const version = "5.7.0";
