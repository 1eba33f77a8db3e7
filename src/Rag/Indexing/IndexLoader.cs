using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Dapper;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>Reads documents from the record in the form that the index takes.</summary>
internal sealed class IndexLoader(Database database, DocumentRecord documents, Embedder embedder)
{
    /// <summary>Of so many documents the size is read before, and so many documents or characters of text at once; one that is longer comes alone.</summary>
    private const int PageDocuments = 256, BatchDocuments = 32, BatchChars = 1_000_000;

    private sealed record Row(string Id, string Title, string Uri, string MediaType, long Version, long VersionNo, string Metadata, string? Groups, string Text);

    private string Wanted => database.Dialect.Lookup("@ids", "documents", "documents.id = wanted.value");

    /// <summary>The current versions of the documents, a few at a time and in the order of the ids; <paramref name="gone"/> is told of those that are no more.</summary>
    public IAsyncEnumerable<IReadOnlyList<IndexDocument>> LoadEachAsync(DbConnection connection, IEnumerable<string> ids, Action<string> gone, CancellationToken ct) =>
        LoadEachAsync(connection, ids, embedder.ModelId, gone, ct);

    /// <summary>The same with the vectors of <paramref name="model"/>, which need not be this process's own.</summary>
    public async IAsyncEnumerable<IReadOnlyList<IndexDocument>> LoadEachAsync(
        DbConnection connection, IEnumerable<string> ids, string? model, Action<string> gone, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (string[] page in ids.Chunk(PageDocuments))
        {
            var chars = (await connection.QueryAsync<(string Id, long Chars)>(new CommandDefinition(
                $"SELECT documents.id, text_chars FROM {Wanted}", new { ids = Json(page) }, cancellationToken: ct))).ToDictionary(d => d.Id, d => d.Chars);
            var batch = new List<string>();
            long size = 0;
            foreach (string id in page)
            {
                if (!chars.TryGetValue(id, out long more))
                {
                    gone(id);
                    continue;
                }
                if (batch.Count == BatchDocuments || (batch.Count > 0 && size + more > BatchChars))
                {
                    yield return await LoadAsync(connection, batch, model, gone, ct);
                    batch.Clear();
                    size = 0;
                }
                batch.Add(id);
                size += more;
            }
            if (batch.Count > 0) yield return await LoadAsync(connection, batch, model, gone, ct);
        }
    }

    /// <summary>All documents of a collection, a few at a time.</summary>
    public async IAsyncEnumerable<IReadOnlyList<IndexDocument>> LoadAllAsync(DbConnection connection, string collectionId, [EnumeratorCancellation] CancellationToken ct)
    {
        // Keyset paging over ids keeps each read short, so that writers are not held up by a long one.
        string after = "";
        while (true)
        {
            var ids = (await connection.QueryAsync<string>(new CommandDefinition(
                "SELECT id FROM documents WHERE collection_id = @collectionId AND id > @after ORDER BY id LIMIT @limit",
                new { collectionId, after, limit = PageDocuments }, cancellationToken: ct))).AsList();
            if (ids.Count == 0) yield break;
            await foreach (var batch in LoadEachAsync(connection, ids, _ => { }, ct)) yield return batch;
            after = ids[^1];
        }
    }

    private async Task<IReadOnlyList<IndexDocument>> LoadAsync(DbConnection connection, IReadOnlyList<string> ids, string? model, Action<string> gone, CancellationToken ct)
    {
        var rows = (await connection.QueryAsync<Row>(new CommandDefinition(
            $"""
            SELECT documents.id AS Id, documents.title AS Title, documents.uri AS Uri, documents.media_type AS MediaType, documents.version AS Version,
                   documents.version_no AS VersionNo, documents.metadata AS Metadata, documents.groups AS Groups, v.text AS Text
            FROM {Wanted} JOIN document_versions v ON v.no = documents.version_no
            """, new { ids = Json(ids) }, cancellationToken: ct))).ToDictionary(r => r.Id);
        var chunks = (await documents.ChunksAsync(connection, [.. rows.Values.Select(r => r.VersionNo)], ct)).ToLookup(c => c.VersionNo);
        var loaded = new List<IndexDocument>(ids.Count);
        foreach (string id in ids)
        {
            if (rows.TryGetValue(id, out var row)) loaded.Add(Build(row, chunks[row.VersionNo], model));
            else gone(id);
        }
        return loaded;
    }

    private static string Json(IEnumerable<string> ids) => JsonSerializer.Serialize([.. ids], GroupsJson.Default.ListString);

    private static IndexDocument Build(Row row, IEnumerable<ChunkRow> rows, string? model)
    {
        var chunks = new List<(IndexedChunk, byte[]?)>();
        foreach (var c in rows)
        {
            int start = (int)c.SpanStart, end = (int)c.SpanEnd;
            var chunk = new IndexedChunk(
                row.Id, row.Version, row.VersionNo, (int)c.Ordinal, row.Title, row.Uri, row.MediaType,
                start, end, (int?)c.Page, c.HeadingPath, c.Context, c.Hash, c.Units, row.Text[start..end]);
            // Vectors of another model mean something else; they wait to be made anew.
            chunks.Add((chunk, c.Model == model ? c.Vector : null));
        }
        return new(row.Id, DocumentRecord.ParseMetadata(row.Metadata), AllowedTerms.Of(DocumentGroups.Parse(row.Groups)), chunks);
    }
}
