using Rag.Foundation;
using Rag.Ingestion.Parsing;
using Rag.Inference;

namespace Rag.Ingestion;

/// <summary>Cuts parsed documents to the embedding model's size and hands them to the writer.</summary>
internal sealed class DocumentIntake(DocumentWriter writer, Embedder embedder)
{
    private readonly Chunker _chunker = new(embedder.CountTokens, embedder.MaxTokens);

    /// <summary>Records a parsed document; completes when it is durable.</summary>
    /// <param name="contentHash">SHA-256 of what was sent, in hexadecimal: the same again is recognised by it.</param>
    public Task<WrittenDocument> RecordAsync(Collection collection, string uri, string contentHash, long sizeBytes, ParsedDocument parsed, CancellationToken ct) =>
        writer.WriteAsync(new(collection, null, uri, contentHash, sizeBytes, parsed, _chunker.Chunk(parsed)), ct);
}
