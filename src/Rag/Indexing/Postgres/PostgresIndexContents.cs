using Dapper;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing.Postgres;

/// <summary>What the index in the database holds, and how it compares with the record beside it: the database does the comparing.</summary>
internal sealed class PostgresIndexContents(Database database, PostgresIndexer indexer) : IIndexContents
{
    private const int MaxProblems = 20;

    public long ChunkCount => indexer.Known.Sum(c => c.Chunks);

    public async ValueTask<IndexCounts?> CountAsync(string collectionId, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<IndexCounts>(new CommandDefinition(
            """SELECT position AS "Position", chunks AS "Chunks", embedded AS "Embedded" FROM search_collections WHERE collection_id = @collectionId""", new { collectionId }, cancellationToken: ct));
    }

    public async Task<IndexVerification> VerifyAsync(Collection collection, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        // One moment for both sides.
        await using var tx = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        await database.AllowLongAsync(tx);
        var index = await connection.QuerySingleOrDefaultAsync<SearchCollection>(new CommandDefinition(
            $"SELECT {PostgresIndexTables.CollectionColumns} FROM search_collections WHERE collection_id = @Id", new { collection.Id }, cancellationToken: ct));
        if (index is null) return new(collection.Name, 0, 0, 0, 0, 0, ["the collection has no index in the database"]);
        var problems = (await connection.QueryAsync<string>(Long($"""
            WITH record AS (
              SELECT d.id, d.uri, c.version_no, c.ordinal, c.hash, c.span_start, c.span_end,
                     CASE WHEN d.groups IS NULL THEN ARRAY['*'] ELSE ARRAY(SELECT '=' || g FROM jsonb_array_elements_text(d.groups::jsonb) g) END AS allowed,
                     bool_and(COALESCE(c.vector IS NOT NULL AND c.model = (SELECT model FROM search_state WHERE id = 1), false)) OVER (PARTITION BY c.version_no) AS embedded
              FROM documents d JOIN chunks c ON c.version_no = d.version_no WHERE d.collection_id = @Id),
            index AS (
              SELECT version_no, ordinal, COUNT(*) AS n, MIN(hash) AS hash, MIN(span_start) AS span_start, MIN(span_end) AS span_end, MIN(allowed) AS allowed, COUNT(embedding) > 0 AS embedded
              FROM {index.ChunksTable} GROUP BY version_no, ordinal)
            SELECT CASE
              WHEN i.version_no IS NULL THEN format('chunk %s of %s is not in the index', r.ordinal, r.uri)
              WHEN r.version_no IS NULL THEN format('the index holds chunk %s of version number %s, which the record does not', i.ordinal, i.version_no)
              WHEN i.n > 1 THEN format('chunk %s of %s is in the index twice', r.ordinal, r.uri)
              WHEN i.hash <> r.hash OR i.span_start <> r.span_start OR i.span_end <> r.span_end THEN format('chunk %s of %s differs from the record', r.ordinal, r.uri)
              WHEN NOT (i.allowed @> r.allowed AND i.allowed <@ r.allowed) THEN format('chunk %s of %s is not shown to whom the record says', r.ordinal, r.uri)
              ELSE format('chunk %s of %s has no vector in the index', r.ordinal, r.uri) END
            FROM record r FULL JOIN index i ON i.version_no = r.version_no AND i.ordinal = r.ordinal
            WHERE i.version_no IS NULL OR r.version_no IS NULL OR i.n > 1 OR i.hash <> r.hash OR i.span_start <> r.span_start OR i.span_end <> r.span_end OR NOT (i.allowed @> r.allowed AND i.allowed <@ r.allowed) OR (r.embedded AND NOT i.embedded)
            LIMIT {MaxProblems}
            """, new { collection.Id }, ct))).AsList();
        // The counts weigh every word: a wrong one ranks wrongly and nobody sees why.
        problems.AddRange(await connection.QueryAsync<string>(Long($"""
            SELECT format('the index says that %s chunks hold a certain word, and %s do', COALESCE(t.chunks, 0), COALESCE(c.n, 0))
            FROM {index.TermsTable} t FULL JOIN (SELECT term, scope, COUNT(*) AS n FROM {index.ChunksTable}, unnest(tsvector_to_array(terms)) AS term GROUP BY term, scope) c ON c.term = t.term AND c.scope = t.scope
            WHERE t.chunks IS DISTINCT FROM c.n LIMIT 1
            """, null, ct)));
        var counts = await connection.QuerySingleAsync<(long RecordChunks, long RecordVectors, long IndexChunks, long IndexVectors)>(Long($"""
            SELECT (SELECT COUNT(*) FROM documents d JOIN chunks c ON c.version_no = d.version_no WHERE d.collection_id = @Id),
                   (SELECT COUNT(*) FROM documents d JOIN chunks c ON c.version_no = d.version_no WHERE d.collection_id = @Id AND c.vector IS NOT NULL AND c.model = (SELECT model FROM search_state WHERE id = 1)),
                   COUNT(*), COUNT(embedding) FROM {index.ChunksTable}
            """, new { collection.Id }, ct));
        if ((counts.IndexChunks, counts.IndexVectors) != (index.Chunks, index.Embedded))
            problems.Add($"the index says that it holds {index.Chunks} chunks and {index.Embedded} vectors, and holds {counts.IndexChunks} and {counts.IndexVectors}");
        return new(collection.Name, index.Position, counts.RecordChunks, counts.IndexChunks, counts.RecordVectors, counts.IndexVectors, problems);
    }

    public async ValueTask<long> SizeBytesAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::BIGINT FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname ~ '^search_'", cancellationToken: ct));
    }

    private static CommandDefinition Long(string sql, object? parameters, CancellationToken ct) => new(sql, parameters, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct);
}
