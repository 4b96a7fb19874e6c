# distilbert serve, without torch, as a user without rights. docs/deployment.md shows the use.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/distilbert \
    && /opt/distilbert/bin/pip install --no-cache-dir ".[serve]"

FROM python:3.12-slim
COPY --from=build /opt/distilbert /opt/distilbert
RUN useradd --system --uid 10001 --create-home distilbert
USER 10001
ENV PATH=/opt/distilbert/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    DISTILBERT_SERVE_HOST=0.0.0.0
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health')"]
# exec form: SIGTERM reaches the server, which drains
ENTRYPOINT ["distilbert", "serve"]
CMD ["/models/model"]
