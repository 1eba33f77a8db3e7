using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>A document as the record has it; sizes in bytes, lengths in UTF-16 code units, times in UTC microseconds.</summary>
internal sealed record DocumentInfo(
    string Id, string CollectionId, string Uri, string Title, string MediaType, long Version, long VersionNo, string ContentHash,
    long SizeBytes, long TextChars, long ChunkCount, string Metadata, long CreatedAt, long UpdatedAt);

internal sealed record VersionInfo(long Version, string Title, string ContentHash, long SizeBytes, long CreatedAt);

/// <summary>A chunk as the record has it, with its vector where it has been embedded.</summary>
internal sealed record ChunkRow(
    long VersionNo, long Ordinal, long SpanStart, long SpanEnd, long? Page, string HeadingPath, string Context, string Hash, byte[] Units, string? Model, byte[]? Vector);

internal sealed record CollectionCounts(long Documents, long Chunks, long Embedded);

[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class MetadataJson : JsonSerializerContext;

/// <summary>Documents in the record: reading and removing. Writing is the <see cref="DocumentWriter"/>'s.</summary>
internal sealed class DocumentRecord(Database database, ChangeLog changes, AuditTrail audit)
{
    private const string Columns = """
        id AS Id, collection_id AS CollectionId, uri AS Uri, title AS Title, media_type AS MediaType, version AS Version,
        version_no AS VersionNo, content_hash AS ContentHash, size_bytes AS SizeBytes, text_chars AS TextChars,
        chunk_count AS ChunkCount, metadata AS Metadata, created_at AS CreatedAt, updated_at AS UpdatedAt
        """;

    public async Task<DocumentInfo?> FindAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<DocumentInfo>(new CommandDefinition($"SELECT {Columns} FROM documents WHERE id = @id", new { id }, cancellationToken: ct));
    }

    public async Task<DocumentInfo> GetAsync(Collection collection, string id, CancellationToken ct)
    {
        var found = await FindAsync(id, ct);
        return found?.CollectionId == collection.Id ? found : throw new RagException(
            ErrorKind.NotFound, $"There is no document '{id}' in collection '{collection.Name}'.", "List the documents with 'rag documents list'.");
    }

    public async Task<DocumentInfo?> FindByUriAsync(string collectionId, string uri, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<DocumentInfo>(new CommandDefinition(
            $"SELECT {Columns} FROM documents WHERE collection_id = @collectionId AND uri = @uri", new { collectionId, uri }, cancellationToken: ct));
    }

    /// <summary>A page of documents in the order of their addresses, after <paramref name="afterUri"/>, those that begin with <paramref name="prefix"/>.</summary>
    public async Task<IReadOnlyList<DocumentInfo>> ListAsync(string collectionId, string afterUri, string prefix, int limit, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<DocumentInfo>(new CommandDefinition(
            $"""
            SELECT {Columns} FROM documents
            WHERE collection_id = @collectionId AND uri > @afterUri AND substr(uri, 1, length(@prefix)) = @prefix
            ORDER BY uri LIMIT @limit
            """, new { collectionId, afterUri, prefix, limit }, cancellationToken: ct))).AsList();
    }

    /// <summary>The extracted text of one version, which spans point into; null where that version is not kept.</summary>
    public async Task<string?> TextAsync(string documentId, long version, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition(
            "SELECT text FROM document_versions WHERE document_id = @documentId AND version = @version", new { documentId, version }, cancellationToken: ct));
    }

    public async Task<IReadOnlyList<VersionInfo>> VersionsAsync(string documentId, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<VersionInfo>(new CommandDefinition(
            """
            SELECT version AS Version, title AS Title, content_hash AS ContentHash, size_bytes AS SizeBytes, created_at AS CreatedAt
            FROM document_versions WHERE document_id = @documentId ORDER BY version DESC
            """, new { documentId }, cancellationToken: ct))).AsList();
    }

    public async Task<IReadOnlyList<ChunkRow>> ChunksAsync(DbConnection connection, long versionNo, CancellationToken ct) =>
        (await connection.QueryAsync<ChunkRow>(new CommandDefinition(
            """
            SELECT version_no AS VersionNo, ordinal AS Ordinal, span_start AS SpanStart, span_end AS SpanEnd, page AS Page,
                   heading_path AS HeadingPath, context AS Context, hash AS Hash, units AS Units, model AS Model, vector AS Vector
            FROM chunks WHERE version_no = @versionNo ORDER BY ordinal
            """, new { versionNo }, cancellationToken: ct))).AsList();

    public async Task<CollectionCounts> CountAsync(string? collectionId, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        // The partial index over what is not embedded makes the third figure cheap: it is small when work is done.
        return await connection.QuerySingleAsync<CollectionCounts>(new CommandDefinition(
            """
            SELECT COUNT(*) AS Documents, CAST(COALESCE(SUM(chunk_count), 0) AS BIGINT) AS Chunks,
                   CAST(COALESCE(SUM(chunk_count), 0) AS BIGINT) - (SELECT COUNT(*) FROM chunks c JOIN documents d ON d.version_no = c.version_no
                     WHERE c.vector IS NULL AND (@collectionId IS NULL OR d.collection_id = @collectionId)) AS Embedded
            FROM documents WHERE @collectionId IS NULL OR collection_id = @collectionId
            """, new { collectionId }, cancellationToken: ct));
    }

    /// <summary>Removes a document, its versions and chunks; returns the position of the change.</summary>
    public async Task<long> DeleteAsync(DocumentInfo document, CancellationToken ct)
    {
        long seq = await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync("DELETE FROM documents WHERE id = @Id", new { document.Id }, tx);
            await audit.AppendAsync(tx, new(AuditCategory.DataChange, "document.delete", "document:" + document.Id, new Dictionary<string, string> { ["collection"] = document.CollectionId, ["uri"] = document.Uri }));
            return await changes.AppendAsync(tx, ChangeKind.DocumentDeleted, document.CollectionId, document.Id);
        }, ct);
        changes.Announce();
        return seq;
    }

    public static IReadOnlyDictionary<string, string> ParseMetadata(string json) =>
        json.Length <= 2 ? new Dictionary<string, string>() : JsonSerializer.Deserialize(json, MetadataJson.Default.DictionaryStringString)!;
}
