# DiStreamer in a container; docs/install.md says how to run it.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m pip wheel --no-deps --wheel-dir dist .
RUN python -m venv /opt/distreamer
RUN /opt/distreamer/bin/python -m pip install "$(echo dist/distreamer-*.whl)[audio,fast]"

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="DiStreamer" \
      org.opencontainers.image.description="Carries a radio programme over a link that fails, without the listeners noticing." \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 999 --user-group --home-dir /distreamer --shell /usr/sbin/nologin distreamer \
    && install -d -o distreamer -g distreamer /distreamer/spool \
    && mkdir -p /distreamer/conf
COPY --from=build /opt/distreamer /opt/distreamer
COPY --chmod=755 deploy/docker/entrypoint /usr/local/bin/entrypoint
# /dev/shm can be written in every container, also with a read-only root, and wears no card out.
ENV PATH=/opt/distreamer/bin:$PATH \
    PYTHONFAULTHANDLER=1 \
    DISTREAMER_HEARTBEAT=/dev/shm/distreamer.heartbeat \
    DISTREAMER_RUNTIME=/dev/shm/distreamer
WORKDIR /distreamer
USER distreamer
EXPOSE 8080 7080 7080/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["distreamer", "health"]
ENTRYPOINT ["/usr/local/bin/entrypoint"]
