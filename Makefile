# make book        build the book into _build/html
# make test        unit tests, every chapter, every page in a browser
#                  (ARGS=tests/test_bahdanau.py: one file)
# make lab         JupyterLab on the chapters
# make chapters    execute the chapters and save them (NAME=02_bahdanau: one)
# make experiments the runs over seeds 0-4, into book/results (NAME=..: one)
# make address REPOSITORY=owner/name   where the book lives, for Colab
# make lint        style of the code
# make screenshots every page, light, dark, phone and print
# make clean       remove what was built; the environment in .venv stays

PYTHON ?= python3
BIN := .venv/bin
PAGE := file://$(CURDIR)/_build/html/index.html
# Fetches the published weights that chapter 12 and its tests read.
WEIGHTS := REINVENT_CACHE="$(CURDIR)/_build/cache" $(BIN)/python tools/weights.py
# What `make test` runs, and options of pytest.
ARGS ?= tests chapters

.PHONY: book test lab chapters experiments address lint screenshots \
	clean setup pages

setup:
	@$(PYTHON) tools/setup.py

pages: setup
	@rm -rf _build/html
	@$(BIN)/jupyter-book build --all -W -n --keep-going -q .

book: pages
	@echo "The book is built. Open $(PAGE)"

test:
	@$(PYTHON) tools/setup.py --tests
	@rm -f _build/cache/*.pt
	@$(WEIGHTS)
	@OMP_NUM_THREADS=1 REINVENT_CACHE="$(CURDIR)/_build/cache" \
		$(BIN)/python -m pytest $(ARGS) \
		--nbval-lax --nbval-current-env --nbval-cell-timeout 900 \
		-n 2 --dist loadfile

lab: setup
	@$(BIN)/jupyter lab chapters

chapters: setup
	@$(WEIGHTS)
	@$(BIN)/python tools/chapters.py $(NAME)

experiments: setup
	@$(BIN)/python tools/experiments.py $(NAME)

address: setup
	@$(BIN)/python tools/address.py $(REPOSITORY)

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

screenshots: pages
	@$(BIN)/python tools/screenshots.py

clean:
	rm -rf _build screenshots dist .pytest_cache .ruff_cache
