using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>A document as the record has it; sizes in bytes, lengths in UTF-16 code units, times in UTC microseconds.</summary>
internal sealed record DocumentInfo(
    string Id, string CollectionId, string Uri, string Title, string MediaType, long Version, long VersionNo, string ContentHash,
    long SizeBytes, long TextChars, long ChunkCount, string Metadata, long CreatedAt, long UpdatedAt, string? Groups)
{
    /// <summary>Groups that it is limited to; none where it is for everybody who may read the collection.</summary>
    public IReadOnlyList<string> LimitedTo => DocumentGroups.Parse(Groups);
}

internal sealed record VersionInfo(long Version, string Title, string ContentHash, long SizeBytes, long CreatedAt);

/// <summary>A chunk as the record has it, with its vector where it has been embedded.</summary>
internal sealed record ChunkRow(
    long VersionNo, long Ordinal, long SpanStart, long SpanEnd, long? Page, string HeadingPath, string Context, string Hash, byte[] Units, string? Model, byte[]? Vector);

internal sealed record CollectionCounts(long Documents, long Chunks, long Embedded);

[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class MetadataJson : JsonSerializerContext;

/// <summary>
/// Documents in the record: reading, limiting and removing. Writing is the <see cref="DocumentWriter"/>'s. What takes a scope
/// finds what that shows and nothing else; what takes none is for the service's own work, or for documents that were found so.
/// </summary>
internal sealed class DocumentRecord(Database database, ChangeLog changes, AuditTrail audit)
{
    private const string Columns = """
        id AS Id, collection_id AS CollectionId, uri AS Uri, title AS Title, media_type AS MediaType, version AS Version,
        version_no AS VersionNo, content_hash AS ContentHash, size_bytes AS SizeBytes, text_chars AS TextChars,
        chunk_count AS ChunkCount, metadata AS Metadata, created_at AS CreatedAt, updated_at AS UpdatedAt, groups AS Groups
        """;

    public async Task<DocumentInfo?> FindAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<DocumentInfo>(new CommandDefinition($"SELECT {Columns} FROM documents WHERE id = @id", new { id }, cancellationToken: ct));
    }

    /// <exception cref="RagException">NotFound: there is none, or the scope does not show it, which looks the same.</exception>
    public async Task<DocumentInfo> GetAsync(Collection collection, string id, ReadScope scope, CancellationToken ct)
    {
        var found = await FindAsync(id, ct);
        return found?.CollectionId == collection.Id && scope.Shows(found.LimitedTo) ? found : throw Unknown(collection, id);
    }

    public async Task<DocumentInfo?> FindByUriAsync(string collectionId, string uri, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<DocumentInfo>(new CommandDefinition(
            $"SELECT {Columns} FROM documents WHERE collection_id = @collectionId AND uri = @uri", new { collectionId, uri }, cancellationToken: ct));
    }

    /// <summary>Those of the documents that are there and that the scope shows.</summary>
    public async Task<IReadOnlySet<string>> ShownAsync(string collectionId, IEnumerable<string> ids, ReadScope scope, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<string>(new CommandDefinition(
            $"SELECT id FROM documents WHERE collection_id = @collectionId AND id IN (SELECT wanted.value FROM {database.Dialect.TextItems("@ids", "wanted")}) AND {Shown}",
            new { collectionId, ids = JsonSerializer.Serialize([.. ids], GroupsJson.Default.ListString), scope = DocumentGroups.ToJson(scope) }, cancellationToken: ct))).ToHashSet();
    }

    /// <summary>Sorts behind every character that an address has.</summary>
    private const string Last = "\U0010FFFF";

    /// <summary>A page of documents in the order of their addresses, after <paramref name="afterUri"/>, those that begin with <paramref name="prefix"/>.</summary>
    public async Task<IReadOnlyList<DocumentInfo>> ListAsync(string collectionId, string afterUri, string prefix, int limit, ReadScope scope, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<DocumentInfo>(new CommandDefinition(
            $"""
            SELECT {Columns} FROM documents
            WHERE collection_id = @collectionId AND uri > @afterUri AND uri < @end AND substr(uri, 1, length(@prefix)) = @prefix AND {Shown}
            ORDER BY uri LIMIT @limit
            """, new { collectionId, afterUri, prefix, end = prefix + Last, limit, scope = DocumentGroups.ToJson(scope) }, cancellationToken: ct))).AsList();
    }

    /// <summary>
    /// Folders right below a prefix, each as the prefix of what is in it, at most <paramref name="limit"/>: addresses are read as paths. From
    /// one to the next the index is entered anew, so that the cost is that of the folders, not of what is in them.
    /// </summary>
    public async Task<IReadOnlyList<string>> FoldersAsync(string collectionId, string prefix, int limit, ReadScope scope, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var folders = new List<string>();
        string after = prefix;
        for (int step = 0; step < 2 * limit && folders.Count < limit; step++)
        {
            string? uri = await connection.QueryFirstOrDefaultAsync<string>(new CommandDefinition(
                $"""
                SELECT uri FROM documents
                WHERE collection_id = @collectionId AND uri > @after AND uri < @end AND substr(uri, 1, length(@prefix)) = @prefix AND substr(uri, length(@prefix) + 1) LIKE '%/%' AND {Shown}
                ORDER BY uri LIMIT 1
                """, new { collectionId, after, prefix, end = prefix + Last, scope = DocumentGroups.ToJson(scope) }, cancellationToken: ct));
            if (uri is null) break;
            int scheme = uri.IndexOf("://", prefix.Length, StringComparison.Ordinal), slash = uri.IndexOf('/', prefix.Length);
            // The host of a web address is its first folder.
            if (scheme >= 0 && scheme < slash) slash = uri.IndexOf('/', scheme + 3);
            if (slash < 0)
            {
                after = uri;
                continue;
            }
            folders.Add(uri[..(slash + 1)]);
            after = folders[^1] + Last;
        }
        return folders;
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

    /// <summary>The chunks of these versions, each version's in their order.</summary>
    public async Task<IReadOnlyList<ChunkRow>> ChunksAsync(DbConnection connection, IReadOnlyList<long> versions, CancellationToken ct) =>
        (await connection.QueryAsync<ChunkRow>(new CommandDefinition(
            $"""
            SELECT version_no AS VersionNo, ordinal AS Ordinal, span_start AS SpanStart, span_end AS SpanEnd, page AS Page,
                   heading_path AS HeadingPath, context AS Context, hash AS Hash, units AS Units, model AS Model, vector AS Vector
            FROM {database.Dialect.Lookup("@versions", "chunks", "version_no = CAST(wanted.value AS BIGINT)")} ORDER BY version_no, ordinal
            """, new { versions = $"[{string.Join(',', versions)}]" }, cancellationToken: ct))).AsList();

    public Task<CollectionCounts> CountAsync(string? collectionId, CancellationToken ct) => CountAsync(collectionId, ReadScope.Everything, ct);

    /// <summary>Counts what the scope shows; with null, of all collections.</summary>
    public async Task<CollectionCounts> CountAsync(string? collectionId, ReadScope scope, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        // The partial index over what is not embedded makes the third figure cheap: it is small when work is done.
        return await connection.QuerySingleAsync<CollectionCounts>(new CommandDefinition(
            $"""
            SELECT COUNT(*) AS Documents, CAST(COALESCE(SUM(chunk_count), 0) AS BIGINT) AS Chunks,
                   CAST(COALESCE(SUM(chunk_count), 0) AS BIGINT) - (SELECT COUNT(*) FROM chunks c JOIN documents ON documents.version_no = c.version_no
                     WHERE c.vector IS NULL AND (@collectionId IS NULL OR documents.collection_id = @collectionId) AND {Shown}) AS Embedded
            FROM documents WHERE (@collectionId IS NULL OR collection_id = @collectionId) AND {Shown}
            """, new { collectionId, scope = DocumentGroups.ToJson(scope) }, cancellationToken: ct));
    }

    /// <summary>Limits a document to groups, or to none for everybody; returns the position of the change, which is there even where nothing was another.</summary>
    /// <exception cref="RagException">NotFound: it is gone, or the scope does not show it any more.</exception>
    public async Task<long> PermitAsync(Collection collection, DocumentInfo document, IReadOnlyList<string> groups, ReadScope scope, CancellationToken ct)
    {
        long seq = await database.WriteAsync(async tx =>
        {
            var present = await tx.Connection!.QuerySingleOrDefaultAsync<(long Version, string? Groups)?>(
                $"SELECT version, groups FROM documents WHERE id = @Id {database.Dialect.LockRows}", new { document.Id }, tx);
            if (present is not { } row || !scope.Shows(DocumentGroups.Parse(row.Groups))) throw Unknown(collection, document.Id);
            await tx.Connection!.ExecuteAsync("UPDATE documents SET groups = @groups WHERE id = @Id", new { document.Id, groups = DocumentGroups.ToJson(groups) }, tx);
            await audit.AppendAsync(tx, Permitted(document.Id, collection.Name, DocumentGroups.Parse(row.Groups), groups));
            return await changes.AppendAsync(tx, ChangeKind.DocumentPermitted, document.CollectionId, document.Id, row.Version);
        }, ct);
        changes.Announce();
        return seq;
    }

    public static AuditEvent Permitted(string id, string collection, IReadOnlyList<string> before, IReadOnlyList<string> after) => new(
        AuditCategory.Permission, "document.permit", $"document:{id}",
        new Dictionary<string, string> { ["collection"] = collection, ["before"] = DocumentGroups.Describe(before), ["after"] = DocumentGroups.Describe(after) });

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

    public static RagException Unknown(Collection collection, string id) =>
        new(ErrorKind.NotFound, $"There is no document '{id}' in collection '{collection.Name}'.", "List the documents with 'rag documents list'.");

    /// <summary>A condition on <c>documents</c>: the groups of <c>@scope</c> show it, or everything is shown.</summary>
    private string Shown =>
        $"(@scope IS NULL OR documents.groups IS NULL OR EXISTS (SELECT 1 FROM {database.Dialect.TextItems("documents.groups", "held")} JOIN {database.Dialect.TextItems("@scope", "had")} ON held.value = had.value))";

    public static IReadOnlyDictionary<string, string> ParseMetadata(string json) =>
        json.Length <= 2 ? new Dictionary<string, string>() : JsonSerializer.Deserialize(json, MetadataJson.Default.DictionaryStringString)!;
}
