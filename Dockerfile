# syntax=docker/dockerfile:1
# For those who build images with Docker. Without it: dotnet publish src/Rag.App -c Release -t:PublishContainer (docs/kubernetes.md).
#
#   docker build -t rag-system:0.1.0 .
#
# The image has no shell, no package manager and no root: the runtime, the program, the model, the manual.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /source
COPY Directory.Build.props Directory.Packages.props BannedSymbols.txt global.json .editorconfig ./
COPY src/Rag/Rag.csproj src/Rag/
COPY src/Rag.App/Rag.App.csproj src/Rag.App/
RUN dotnet restore src/Rag.App
COPY src src
COPY docs docs
COPY models models
RUN dotnet publish src/Rag.App -c Release --no-restore -o /app
# What ships, as CycloneDX, beside the program.
RUN /app/rag security sbom --data /tmp/sbom --output /app/sbom.json && rm -rf /tmp/sbom
# A folder that the account of the program may write to, for those who mount no volume.
RUN mkdir -p /made/var/lib/rag

FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
LABEL org.opencontainers.image.title="rag-system" \
      org.opencontainers.image.description="Answers from an organisation's own documents, with its operations"
COPY --from=build /app /app
COPY --from=build --chown=1654:1654 /made/var/lib/rag /var/lib/rag
# 'kubectl exec deploy/rag-system -- rag status' finds the program by its name.
ENV PATH=/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DOTNET_GCgen0size=0x4000000 \
    RAG__Storage__DataDirectory=/var/lib/rag
USER 1654:1654
WORKDIR /var/lib/rag
EXPOSE 8080
ENTRYPOINT ["/app/rag"]
CMD ["serve", "--urls", "http://0.0.0.0:8080"]
