using System.Text.Json.Serialization;
using Dapper;
using Lucene.Net.Index;
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

/// <summary>
/// Compares the index with the record, chunk by chunk: each is there once, with the text of its span, and a vector
/// where the record has one.
/// </summary>
internal sealed class IndexVerifier(Database database, ChangeLog changes, Collections collections, DocumentRecord documents, IndexStore indexes, Indexer indexer, IndexLoader loader)
{
    private const int MaxProblems = 20;
    private const int MaxAttempts = 5;

    public async Task<IndexVerificationReport> VerifyAsync(CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            long position = await changes.LastAsync(ct);
            await indexer.WaitForAsync(position, TimeSpan.FromMinutes(1), ct);
            var results = new List<IndexVerification>();
            foreach (var collection in await collections.ListAsync(ct)) results.Add(await VerifyAsync(collection, ct));
            bool clean = results.All(r => r.Problems.Count == 0);
            // Record and index are read one after the other: what was written in between looks like a difference.
            if (clean || attempt == MaxAttempts || await changes.LastAsync(ct) == position) return new(clean, results);
        }
    }

    private async Task<IndexVerification> VerifyAsync(Collection collection, CancellationToken ct)
    {
        var problems = new List<string>();
        var index = indexes.Find(collection.Id);
        if (index is null) return new(collection.Name, 0, 0, 0, 0, 0, ["the collection has no index on this replica"]);
        using var snapshot = index.Acquire();
        var indexed = ReadIndex(snapshot, problems);
        long chunks = 0, vectors = 0;
        await using var connection = await database.OpenAsync(ct);
        await foreach (var document in loader.LoadAllAsync(connection, collection.Id, ct))
        {
            foreach (var (chunk, vector) in document.Chunks)
            {
                chunks++;
                if (vector is not null) vectors++;
                if (!indexed.Remove((chunk.VersionNo, chunk.Ordinal), out var found)) Report($"chunk {chunk.Ordinal} of {chunk.Uri} is not in the index");
                else if (found.Hash != chunk.Hash || found.Start != chunk.Start || found.End != chunk.End) Report($"chunk {chunk.Ordinal} of {chunk.Uri} differs from the record");
                else if (vector is not null && !found.HasVector) Report($"chunk {chunk.Ordinal} of {chunk.Uri} has no vector in the index");
            }
        }
        foreach (var ((version, ordinal), _) in indexed.Take(MaxProblems)) Report($"the index holds chunk {ordinal} of version number {version}, which the record does not");
        return new(collection.Name, snapshot.Position, chunks, snapshot.ChunkCount, vectors, snapshot.EmbeddedCount, problems);

        void Report(string problem)
        {
            if (problems.Count < MaxProblems) problems.Add(problem);
        }
    }

    private static Dictionary<(long Version, int Ordinal), (string Hash, int Start, int End, bool HasVector)> ReadIndex(IndexSnapshot snapshot, List<string> problems)
    {
        var found = new Dictionary<(long, int), (string, int, int, bool)>();
        var rows = MultiDocValues.GetNumericValues(snapshot.Reader, IndexFields.Row);
        var live = MultiFields.GetLiveDocs(snapshot.Reader);
        for (int doc = 0; doc < snapshot.Reader.MaxDoc; doc++)
        {
            if (live is not null && !live.Get(doc)) continue;
            var chunk = snapshot.Load(doc);
            bool hasVector = rows.Get(doc) > 0;
            if (!found.TryAdd((chunk.VersionNo, chunk.Ordinal), (chunk.Hash, chunk.Start, chunk.End, hasVector)) && problems.Count < MaxProblems)
                problems.Add($"chunk {chunk.Ordinal} of {chunk.Uri} is in the index twice");
        }
        return found;
    }

    public async Task<IndexStatus> StatusAsync(Inference.Embedder embedder, CancellationToken ct)
    {
        var list = new List<CollectionIndexStatus>();
        foreach (var collection in await collections.ListAsync(ct))
        {
            var counts = await documents.CountAsync(collection.Id, ct);
            using var snapshot = indexes.Find(collection.Id)?.Acquire();
            list.Add(new(collection.Name, collection.Language, snapshot?.Position ?? 0, snapshot?.ChunkCount ?? 0, snapshot?.EmbeddedCount ?? 0, counts.Chunks - counts.Embedded));
        }
        return new(
            indexer.Position, await changes.LastAsync(ct), indexer.Ready.IsCompletedSuccessfully, indexer.Trouble, embedder.ModelId,
            embedder.Available ? null : embedder.UnavailableReason, indexes.SizeBytes(), list);
    }
}
