# CPU image. `docker build --tag fat2019 .`, then `docker run --rm fat2019` runs the demo.
FROM python:3.12-slim

# libsndfile and soxr come with their wheels; git and compilers are not needed.
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=2
WORKDIR /opt/fat2019

# Dependencies first: they change less often than the code, so that a rebuild reuses their layer.
COPY constraints.txt pyproject.toml README.md LICENSE NOTICE ./
COPY fat2019/__init__.py fat2019/errors.py fat2019/
RUN pip install --constraint constraints.txt .

COPY fat2019 fat2019
RUN pip install --no-deps --force-reinstall . \
    && useradd --create-home tagger

USER tagger
WORKDIR /home/tagger
ENTRYPOINT ["fat2019"]
CMD ["demo", "--out", "demo"]
