using System.Data.Common;
using System.Runtime.CompilerServices;
using Dapper;
using Rag.Inference;
using Rag.Ingestion;

namespace Rag.Indexing;

/// <summary>Reads documents from the record in the form that the index takes.</summary>
internal sealed class IndexLoader(DocumentRecord documents, Embedder embedder)
{
    private sealed record Row(string Id, string Title, string Uri, string MediaType, long Version, long VersionNo, string Metadata, string? Groups, string Text);

    private const string Select = """
        SELECT d.id AS Id, d.title AS Title, d.uri AS Uri, d.media_type AS MediaType, d.version AS Version,
               d.version_no AS VersionNo, d.metadata AS Metadata, d.groups AS Groups, v.text AS Text
        FROM documents d JOIN document_versions v ON v.no = d.version_no
        """;

    /// <summary>The document's current version; null where it is gone.</summary>
    public Task<IndexDocument?> LoadAsync(DbConnection connection, string id, CancellationToken ct) => LoadAsync(connection, id, embedder.ModelId, ct);

    /// <summary>The same with the vectors of <paramref name="model"/>, which need not be this process's own.</summary>
    public async Task<IndexDocument?> LoadAsync(DbConnection connection, string id, string? model, CancellationToken ct)
    {
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"{Select} WHERE d.id = @id", new { id }, cancellationToken: ct));
        return row is null ? null : await BuildAsync(connection, row, model, ct);
    }

    /// <summary>The current versions of the documents, one at a time; <paramref name="gone"/> is told of those that are no more.</summary>
    public async IAsyncEnumerable<IndexDocument> LoadEachAsync(DbConnection connection, IEnumerable<string> ids, Action<string> gone, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (string id in ids)
        {
            if (await LoadAsync(connection, id, ct) is { } document) yield return document;
            else gone(id);
        }
    }

    /// <summary>All documents of a collection, one at a time.</summary>
    public async IAsyncEnumerable<IndexDocument> LoadAllAsync(DbConnection connection, string collectionId, [EnumeratorCancellation] CancellationToken ct)
    {
        // Keyset paging over ids keeps each read short, so that writers are not held up by a long one.
        string after = "";
        while (true)
        {
            var ids = (await connection.QueryAsync<string>(new CommandDefinition(
                "SELECT id FROM documents WHERE collection_id = @collectionId AND id > @after ORDER BY id LIMIT 256",
                new { collectionId, after }, cancellationToken: ct))).AsList();
            if (ids.Count == 0) yield break;
            foreach (string id in ids)
                if (await LoadAsync(connection, id, ct) is { } document) yield return document;
            after = ids[^1];
        }
    }

    private async Task<IndexDocument> BuildAsync(DbConnection connection, Row row, string? model, CancellationToken ct)
    {
        var rows = await documents.ChunksAsync(connection, row.VersionNo, ct);
        var chunks = new List<(IndexedChunk, byte[]?)>(rows.Count);
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
