using System.Text.Json.Serialization;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>How one collection's index compares with the record. <see cref="Problems"/> is empty when they agree.</summary>
public sealed record IndexVerification(string Collection, long Position, long RecordChunks, long IndexChunks, long RecordVectors, long IndexVectors, IReadOnlyList<string> Problems);

public sealed record IndexVerificationReport(bool Clean, IReadOnlyList<IndexVerification> Collections);

public sealed record CollectionIndexStatus(string Collection, string Language, long Position, long Chunks, long EmbeddedChunks, long PendingChunks);

public sealed record IndexStatus(
    long Position, long ChangeLogPosition, bool Ready, string? Trouble, string? Model, string? ModelProblem, long SizeBytes, IReadOnlyList<CollectionIndexStatus> Collections);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IndexVerificationReport))]
[JsonSerializable(typeof(IndexStatus))]
[JsonSerializable(typeof(List<Collection>))]
internal sealed partial class IndexingJson : JsonSerializerContext;

/// <summary>Compares the index with the record, and says how far it is.</summary>
internal sealed class IndexVerifier(ChangeLog changes, Collections collections, DocumentRecord documents, IIndexContents index, IIndexer indexer)
{
    private const int MaxAttempts = 5;

    public async Task<IndexVerificationReport> VerifyAsync(CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            long position = await changes.LastAsync(ct);
            await indexer.WaitForAsync(position, TimeSpan.FromMinutes(1), ct);
            var results = new List<IndexVerification>();
            foreach (var collection in await collections.ListAsync(ct)) results.Add(await index.VerifyAsync(collection, ct));
            bool clean = results.All(r => r.Problems.Count == 0);
            // Record and index are read one after the other: what was written in between looks like a difference.
            if (clean || attempt == MaxAttempts || await changes.LastAsync(ct) == position) return new(clean, results);
        }
    }

    public async Task<IndexStatus> StatusAsync(Inference.Embedder embedder, CancellationToken ct)
    {
        var list = new List<CollectionIndexStatus>();
        foreach (var collection in await collections.ListAsync(ct))
        {
            var counts = await documents.CountAsync(collection.Id, ct);
            var indexed = await index.CountAsync(collection.Id, ct);
            list.Add(new(collection.Name, collection.Language, indexed?.Position ?? 0, indexed?.Chunks ?? 0, indexed?.Embedded ?? 0, counts.Chunks - counts.Embedded));
        }
        return new(
            indexer.Position, await changes.LastAsync(ct), indexer.Ready.IsCompletedSuccessfully, indexer.Trouble, embedder.ModelId,
            embedder.Available ? null : embedder.UnavailableReason, await index.SizeBytesAsync(ct), list);
    }
}
