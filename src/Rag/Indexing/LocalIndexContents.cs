using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Util;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>What the indexes on this replica's disk hold.</summary>
internal sealed class LocalIndexContents(Database database, IndexStore indexes, IndexLoader loader) : IIndexContents
{
    private const int MaxProblems = 20;

    public long ChunkCount => indexes.Open.Sum(i => { using var snapshot = i.Acquire(); return (long)snapshot.ChunkCount; });

    public ValueTask<IndexCounts?> CountAsync(string collectionId, CancellationToken ct)
    {
        using var snapshot = indexes.Find(collectionId)?.Acquire();
        return ValueTask.FromResult<IndexCounts?>(snapshot is null ? null : new(snapshot.Position, snapshot.ChunkCount, snapshot.EmbeddedCount));
    }

    public ValueTask<long> SizeBytesAsync(CancellationToken ct) => ValueTask.FromResult(indexes.SizeBytes());

    public async Task<IndexVerification> VerifyAsync(Collection collection, CancellationToken ct)
    {
        var problems = new List<string>();
        var index = indexes.Find(collection.Id);
        if (index is null) return new(collection.Name, 0, 0, 0, 0, 0, ["the collection has no index on this replica"]);
        using var snapshot = index.Acquire();
        var indexed = ReadIndex(snapshot, problems);
        long chunks = 0, vectors = 0;
        await using var connection = await database.OpenAsync(ct);
        await foreach (var document in loader.LoadAllAsync(connection, collection.Id, ct).SelectMany(batch => batch))
        {
            // Vectors come a batch at a time, and the log announces a document when all of its chunks have theirs.
            bool announced = document.Chunks.All(c => c.Vector is not null);
            string allowed = string.Concat(document.Allowed.Order(StringComparer.Ordinal).Select(t => t + "\n"));
            foreach (var (chunk, vector) in document.Chunks)
            {
                chunks++;
                if (vector is not null) vectors++;
                if (!indexed.Remove((chunk.VersionNo, chunk.Ordinal), out var found)) Report($"chunk {chunk.Ordinal} of {chunk.Uri} is not in the index");
                else if (found.Allowed != allowed) Report($"chunk {chunk.Ordinal} of {chunk.Uri} is not shown to whom the record says");
                else if (found.Hash != chunk.Hash || found.Start != chunk.Start || found.End != chunk.End) Report($"chunk {chunk.Ordinal} of {chunk.Uri} differs from the record");
                else if (announced && !found.HasVector) Report($"chunk {chunk.Ordinal} of {chunk.Uri} has no vector in the index");
            }
        }
        foreach (var ((version, ordinal), _) in indexed.Take(MaxProblems)) Report($"the index holds chunk {ordinal} of version number {version}, which the record does not");
        return new(collection.Name, snapshot.Position, chunks, snapshot.ChunkCount, vectors, snapshot.EmbeddedCount, problems);

        void Report(string problem)
        {
            if (problems.Count < MaxProblems) problems.Add(problem);
        }
    }

    private static Dictionary<(long Version, int Ordinal), (string Hash, int Start, int End, bool HasVector, string Allowed)> ReadIndex(IndexSnapshot snapshot, List<string> problems)
    {
        var found = new Dictionary<(long, int), (string, int, int, bool, string)>();
        string[] allowed = ReadAllowed(snapshot);
        var rows = MultiDocValues.GetNumericValues(snapshot.Reader, IndexFields.Row);
        var live = MultiFields.GetLiveDocs(snapshot.Reader);
        for (int doc = 0; doc < snapshot.Reader.MaxDoc; doc++)
        {
            if (live is not null && !live.Get(doc)) continue;
            var chunk = snapshot.Load(doc);
            bool hasVector = rows.Get(doc) > 0;
            if (!found.TryAdd((chunk.VersionNo, chunk.Ordinal), (chunk.Hash, chunk.Start, chunk.End, hasVector, allowed[doc])) && problems.Count < MaxProblems)
                problems.Add($"chunk {chunk.Ordinal} of {chunk.Uri} is in the index twice");
        }
        return found;
    }

    /// <summary>Who is shown each chunk, by its number: its terms in the order of their characters, each on a line.</summary>
    private static string[] ReadAllowed(IndexSnapshot snapshot)
    {
        string[] allowed = new string[snapshot.Reader.MaxDoc];
        Array.Fill(allowed, "");
        var terms = new List<string>();
        for (var each = MultiFields.GetTerms(snapshot.Reader, IndexFields.Allowed)?.GetEnumerator(); each?.MoveNext() == true;) terms.Add(each.Term.Utf8ToString());
        foreach (string term in terms.Order(StringComparer.Ordinal))
        {
            string line = term + "\n";
            var docs = MultiFields.GetTermDocsEnum(snapshot.Reader, null, IndexFields.Allowed, new BytesRef(term));
            while (docs is not null && docs.NextDoc() != DocIdSetIterator.NO_MORE_DOCS) allowed[docs.DocID] = allowed[docs.DocID].Length == 0 ? line : allowed[docs.DocID] + line;
        }
        return allowed;
    }
}
