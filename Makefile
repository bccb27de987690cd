# make book        build the book into _build/html
# make test        unit tests, every notebook, every page in a browser
#                  (ARGS=tests/test_bahdanau.py: one file)
# make lab         JupyterLab on the chapters
# make chapters    execute the notebooks and save them (NAME=02_bahdanau: one)
# make interview   write the interview corners of the chapters from their source
# make experiments the runs over seeds 0-4, into book/results (NAME=..: one)
# make bench       speed and memory against the libraries, into book/results;
#                  eight minutes, on a machine that does nothing else
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
ARGS ?= tests chapters book

.PHONY: book test lab chapters interview experiments bench address lint \
	screenshots clean setup pages

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

interview: setup
	@$(BIN)/python tools/interview.py

experiments: setup
	@$(BIN)/python tools/experiments.py $(NAME)

bench: setup
	@$(BIN)/python experiments/bench.py --output book/results/bench.csv

address: setup
	@$(BIN)/python tools/address.py $(REPOSITORY)

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

screenshots: pages
	@$(BIN)/python tools/screenshots.py

clean:
	rm -rf _build screenshots dist .pytest_cache .ruff_cache
