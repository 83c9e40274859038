# The central system. Data and configuration come in from outside:
#   docker build -t ocpp-soap .
#   docker run -p 9220:9220 -v ocpp-data:/data ocpp-soap
#   docker run -p 9220:9220 -v ocpp-data:/data -v ./ocpp-soap.yaml:/etc/ocpp-soap.yaml:ro \
#     -e OCPP_SOAP_CONFIG=/etc/ocpp-soap.yaml ocpp-soap
#   docker build --build-arg EXTRAS="[api,mongodb]" -t ocpp-soap .
FROM python:3.12-slim AS build
ARG EXTRAS="[api]"
WORKDIR /source
COPY . .
RUN python -m venv /opt/ocpp-soap && /opt/ocpp-soap/bin/pip install --no-cache-dir ".${EXTRAS}"

FROM python:3.12-slim
COPY --from=build /opt/ocpp-soap /opt/ocpp-soap
RUN useradd --system --uid 9220 ocpp && install -d -o ocpp /data
ENV PATH=/opt/ocpp-soap/bin:$PATH \
    OCPP_SOAP__STORAGE__FILE__PATH=/data/ocpp-soap.sqlite \
    OCPP_SOAP__LOG__FORMAT=json
USER 9220
VOLUME /data
EXPOSE 9220
HEALTHCHECK --interval=30s --timeout=5s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9220/healthz', timeout=4)"]
CMD ["ocpp-soap", "serve"]
