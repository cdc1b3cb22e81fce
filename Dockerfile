# A server for an index, on the CPU; with --target full, for trained networks too.
#
#   docker build -t visus .
#   docker build -t visus:full --target full .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -e VISUS_TOKEN=... -v ~/Pictures:/pictures:ro -v visus:/data visus
#
# Pictures must lie at the same place for `visus index` and for the server, since an index keeps their paths:
#
#   docker run --rm -v ~/Pictures:/pictures:ro -v visus:/data visus index /pictures --index /data/pictures.visus
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim AS base
COPY --from=build /wheels /wheels
RUN useradd --create-home --uid 1000 visus && mkdir /data && chown visus /data
# The file system may be read-only: what is written lies in /data.
ENV VISUS_INDEX=/data/pictures.visus VISUS_CACHE=/data/cache PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"
ENTRYPOINT ["visus"]
# Other machines reach a container, so the server asks for a token: VISUS_TOKEN.
CMD ["serve", "--host", "0.0.0.0"]

FROM base AS full
# The CPU's PyTorch is a tenth of the other in size.
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir "$(ls /wheels/visus-*.whl)[serve,fast,train]"
USER visus

FROM base AS light
RUN pip install --no-cache-dir "$(ls /wheels/visus-*.whl)[serve,fast]"
USER visus
