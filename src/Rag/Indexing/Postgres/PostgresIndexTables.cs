using System.Data.Common;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Dapper;
using Lucene.Net.Analysis;
using Lucene.Net.Util;
using Npgsql;
using NpgsqlTypes;
using Rag.Storage;

namespace Rag.Indexing.Postgres;

/// <summary>A collection's place in the index: its tables bear <see cref="No"/>, which is never used again.</summary>
/// <param name="Lengths">Words of all chunks together, repeats included.</param>
/// <param name="Embedded">Chunks that have a vector.</param>
/// <param name="Limited">Chunks that are not for everybody.</param>
internal sealed record SearchCollection(string CollectionId, int No, string Language, long Position, long Chunks, long Lengths, long Embedded, long Limited)
{
    public string ChunksTable => PostgresIndexTables.ChunksTable(No);

    public string TermsTable => PostgresIndexTables.TermsTable(No);
}

/// <summary>
/// The index's tables and how documents get into and out of them. Each collection has tables of its own, so that its
/// words and vectors are not looked for among those of others, and removing it removes files. How many chunks hold a word
/// is kept exact in the transaction that changes it, apart for each set of groups that documents are limited to, so that
/// whoever is shown a part of a collection is answered with the counts of that part.
/// </summary>
internal static class PostgresIndexTables
{
    /// <summary>Changes when what is written changes; an index of another format is built anew.</summary>
    public const int Format = 2;

    /// <summary>A word's frequency is the number of its positions, of which PostgreSQL keeps 255.</summary>
    public const int MaxFrequency = 255;

    /// <summary>What pgvector can index by HNSW in half precision; longer vectors are scanned.</summary>
    private const int MaxIndexedDimensions = 4_000;

    /// <summary>PostgreSQL's bound on a word is 2,046 bytes; the analysis cuts words far below it.</summary>
    private const int MaxTermBytes = 2_000;

    private const int MaxFactChars = 800;

    private const int RowsPerBatch = 128;

    public const string Create = """
        CREATE TABLE IF NOT EXISTS search_state (
          id INT PRIMARY KEY CHECK (id = 1),
          format INT NOT NULL,
          model TEXT NULL,
          dimensions INT NOT NULL,
          position BIGINT NOT NULL);
        CREATE TABLE IF NOT EXISTS search_collections (
          collection_id TEXT PRIMARY KEY,
          no INT GENERATED ALWAYS AS IDENTITY UNIQUE,
          language TEXT NOT NULL,
          position BIGINT NOT NULL,
          chunks BIGINT NOT NULL DEFAULT 0,
          lengths BIGINT NOT NULL DEFAULT 0,
          embedded BIGINT NOT NULL DEFAULT 0,
          planned BIGINT NOT NULL DEFAULT 0,
          fill_after TEXT NULL,
          repair BOOLEAN NOT NULL DEFAULT FALSE);
        ALTER TABLE search_collections ADD COLUMN IF NOT EXISTS limited BIGINT NOT NULL DEFAULT 0;
        CREATE TABLE IF NOT EXISTS search_scopes (
          no INT NOT NULL REFERENCES search_collections(no) ON DELETE CASCADE,
          scope TEXT NOT NULL,
          allowed TEXT[] NOT NULL,
          chunks BIGINT NOT NULL,
          PRIMARY KEY (no, scope))
        """;

    /// <summary>Names the set of terms that a chunk is allowed by: <c>*</c> for everybody, otherwise a digest of them.</summary>
    public static string Scope(IReadOnlyList<string> allowed) =>
        allowed is [AllowedTerms.Everybody] ? Everybody : Foundation.Sha256.Hex(string.Join('\n', allowed.Order(StringComparer.Ordinal)))[..ScopeChars];

    private const string Everybody = "*";
    private const int ScopeChars = 32;

    public const string CollectionColumns = """
        collection_id AS "CollectionId", no AS "No", language AS "Language", position AS "Position", chunks AS "Chunks", lengths AS "Lengths", embedded AS "Embedded", limited AS "Limited"
        """;

    public static string ChunksTable(int no) => "search_chunks_" + no.ToString(CultureInfo.InvariantCulture);

    public static string TermsTable(int no) => "search_terms_" + no.ToString(CultureInfo.InvariantCulture);

    /// <summary>Empty tables, without what searching large ones needs: see <see cref="CreateIndexesAsync"/>.</summary>
    public static Task CreateTablesAsync(DbConnection connection, SearchCollection collection, int dimensions) => connection.ExecuteAsync($"""
        CREATE TABLE {collection.ChunksTable} (
          id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          document_id TEXT NOT NULL,
          version_no BIGINT NOT NULL,
          ordinal INT NOT NULL,
          span_start INT NOT NULL,
          span_end INT NOT NULL,
          hash TEXT NOT NULL,
          length INT NOT NULL,
          norm REAL NOT NULL,
          terms TSVECTOR NOT NULL,
          facts TEXT[] NOT NULL,
          allowed TEXT[] NOT NULL,
          scope TEXT NOT NULL,
          embedding halfvec({Math.Max(1, dimensions).ToString(CultureInfo.InvariantCulture)}) NULL,
          chunk BYTEA NOT NULL);
        ALTER TABLE {collection.ChunksTable} ALTER COLUMN terms SET STORAGE MAIN, ALTER COLUMN embedding SET STORAGE MAIN;
        CREATE INDEX ON {collection.ChunksTable} (document_id);
        CREATE TABLE {collection.TermsTable} (term TEXT COLLATE "C", scope TEXT COLLATE "C", chunks BIGINT NOT NULL, PRIMARY KEY (term, scope)) WITH (fillfactor = 70)
        """);

    /// <summary>Indexes for words, facts, readers and vectors; of a table that is full they are made several times faster than row by row.</summary>
    public static async Task CreateIndexesAsync(DbConnection connection, SearchCollection collection, int dimensions)
    {
        // Without a list of pending entries: no question pays for reading through one.
        string sql = $"""
            CREATE INDEX IF NOT EXISTS {collection.ChunksTable}_terms ON {collection.ChunksTable} USING gin (terms) WITH (fastupdate = off);
            CREATE INDEX IF NOT EXISTS {collection.ChunksTable}_facts ON {collection.ChunksTable} USING gin (facts) WITH (fastupdate = off);
            CREATE INDEX IF NOT EXISTS {collection.ChunksTable}_allowed ON {collection.ChunksTable} USING gin (allowed) WITH (fastupdate = off);
            """;
        if (dimensions is > 0 and <= MaxIndexedDimensions)
            sql += $"CREATE INDEX IF NOT EXISTS {collection.ChunksTable}_near ON {collection.ChunksTable} USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 100);";
        await connection.ExecuteAsync(sql + $"ANALYZE {collection.ChunksTable}", commandTimeout: Database.LongCommandSeconds);
        await connection.ExecuteAsync("UPDATE search_collections SET planned = chunks WHERE no = @No", new { collection.No });
    }

    /// <summary>Puts documents in the place of what the index has of them. Where only vectors came to the same version for the same readers, only those are written.</summary>
    /// <param name="whole">Writes every document anew, whatever is there.</param>
    public static async Task PutAsync(DbConnection connection, SearchCollection collection, Analyzer analyzer, int dimensions, IReadOnlyList<IndexDocument> documents, IReadOnlyCollection<string> deletes, bool whole)
    {
        var present = whole ? [] : (await connection.QueryAsync<(string Id, long VersionNo, long Chunks, string Scope)>(
            $"SELECT document_id, MAX(version_no), COUNT(*), MAX(scope) FROM {collection.ChunksTable} WHERE document_id = ANY(@ids) GROUP BY document_id HAVING MIN(version_no) = MAX(version_no)",
            new { ids = documents.Select(d => d.DocumentId).ToArray() })).ToDictionary(p => p.Id, p => (p.VersionNo, p.Chunks, p.Scope));
        var anew = documents.Where(d => d.Chunks.Count == 0 || present.GetValueOrDefault(d.DocumentId) != (d.Chunks[0].Chunk.VersionNo, d.Chunks.Count, Scope(d.Allowed))).ToList();
        long embedded = await EmbedAsync((NpgsqlConnection)connection, collection, dimensions, documents.Except(anew));
        var gone = await RemoveAsync(connection, collection, [.. anew.Select(d => d.DocumentId), .. deletes]);
        var added = await InsertAsync((NpgsqlConnection)connection, collection, analyzer, dimensions, anew);
        if (gone.Unused.Length > 0) await connection.ExecuteAsync($"DELETE FROM {collection.TermsTable} WHERE term = ANY(@Unused) AND chunks <= 0", new { gone.Unused });
        await connection.ExecuteAsync(
            """
            DELETE FROM search_scopes WHERE no = @No AND chunks <= 0;
            UPDATE search_collections SET chunks = chunks + @chunks, lengths = lengths + @lengths, embedded = embedded + @embedded,
              limited = (SELECT COALESCE(SUM(s.chunks), 0) FROM search_scopes s WHERE s.no = @No AND s.scope <> '*') WHERE no = @No
            """,
            new { chunks = added.Chunks - gone.Chunks, lengths = added.Lengths - gone.Lengths, embedded = embedded + added.Embedded - gone.Embedded, collection.No });
        // The planner must know a table that has grown; elsewhere autovacuum tells it, minutes later.
        int grown = await connection.ExecuteAsync("UPDATE search_collections SET planned = chunks WHERE no = @No AND chunks > 2 * planned + 500", new { collection.No });
        if (grown > 0) await connection.ExecuteAsync($"ANALYZE {collection.ChunksTable}", commandTimeout: Database.LongCommandSeconds);
    }

    /// <summary>Counts everything anew from the chunks that are there.</summary>
    public static Task CountAsync(DbConnection connection, SearchCollection collection) => connection.ExecuteAsync($"""
        DELETE FROM {collection.TermsTable};
        INSERT INTO {collection.TermsTable} (term, scope, chunks) SELECT term, scope, COUNT(*) FROM {collection.ChunksTable}, unnest(tsvector_to_array(terms)) AS term GROUP BY term, scope;
        DELETE FROM search_scopes WHERE no = {collection.No.ToString(CultureInfo.InvariantCulture)};
        INSERT INTO search_scopes (no, scope, allowed, chunks) SELECT {collection.No.ToString(CultureInfo.InvariantCulture)}, scope, MIN(allowed), COUNT(*) FROM {collection.ChunksTable} GROUP BY scope;
        UPDATE search_collections s SET chunks = c.chunks, lengths = c.lengths, embedded = c.embedded, limited = c.limited
        FROM (SELECT COUNT(*) AS chunks, COALESCE(SUM(length), 0) AS lengths, COUNT(embedding) AS embedded, COUNT(*) FILTER (WHERE scope <> '*') AS limited FROM {collection.ChunksTable}) c WHERE s.no = {collection.No.ToString(CultureInfo.InvariantCulture)}
        """, commandTimeout: Database.LongCommandSeconds);

    /// <summary>Tables of collections that are no longer there, and of indexes that were replaced.</summary>
    public static async Task<IReadOnlyList<string>> OrphansAsync(DbConnection connection)
    {
        var tables = await connection.QueryAsync<string>(
            "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname ~ '^search_(chunks|terms)_[0-9]+$'");
        var used = (await connection.QueryAsync<int>("SELECT no FROM search_collections")).SelectMany(no => new[] { ChunksTable(no), TermsTable(no) }).ToHashSet();
        return tables.Where(t => !used.Contains(t)).ToList();
    }

    /// <summary>A fact as the index has it: by its digest where it is longer than an index entry may be.</summary>
    public static string Fact(string key, string value) =>
        key.Length + value.Length < MaxFactChars ? $"{key}={value}" : "sha256=" + Foundation.Sha256.Hex($"{key}={value}");

    /// <summary>A length as Lucene keeps it, in a byte: both engines give a chunk the same score.</summary>
    public static float Norm(int length)
    {
        float kept = SmallSingle.SByte315ToSingle(SmallSingle.SingleToSByte315((float)(1 / Math.Sqrt(length))));
        return 1 / (kept * kept);
    }

    /// <summary>A word as PostgreSQL writes it in a tsvector or tsquery.</summary>
    public static string Quote(string term) => "'" + term.Replace("\\", @"\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal) + "'";

    private static async Task<long> EmbedAsync(NpgsqlConnection connection, SearchCollection collection, int dimensions, IEnumerable<IndexDocument> documents)
    {
        long embedded = 0;
        foreach (var part in documents.SelectMany(d => d.Chunks).Where(c => c.Vector is not null).Chunk(RowsPerBatch))
        {
            await using var batch = new NpgsqlBatch(connection);
            foreach (var (chunk, vector) in part)
            {
                batch.BatchCommands.Add(new($"UPDATE {collection.ChunksTable} SET embedding = $1::halfvec WHERE document_id = $2 AND ordinal = $3 AND embedding IS NULL")
                {
                    Parameters = { Real(vector, dimensions), new() { Value = chunk.DocumentId }, new() { Value = chunk.Ordinal } },
                });
            }
            embedded += await batch.ExecuteNonQueryAsync();
        }
        return embedded;
    }

    private static async Task<(long Chunks, long Lengths, long Embedded, string[] Unused)> RemoveAsync(DbConnection connection, SearchCollection collection, string[] ids)
    {
        if (ids.Length == 0) return (0, 0, 0, []);
        var (chunks, lengths, embedded, unused) = await connection.QuerySingleAsync<(long, long, long, string[]?)>(
            $"""
            WITH gone AS (DELETE FROM {collection.ChunksTable} WHERE document_id = ANY(@ids) RETURNING terms, scope, length, embedding IS NOT NULL AS embedded),
              lost AS (SELECT term, scope, COUNT(*) AS n FROM gone, unnest(tsvector_to_array(gone.terms)) AS term GROUP BY term, scope),
              left_over AS (UPDATE {collection.TermsTable} t SET chunks = t.chunks - lost.n FROM lost WHERE t.term = lost.term AND t.scope = lost.scope RETURNING t.term, t.chunks),
              fewer AS (UPDATE search_scopes s SET chunks = s.chunks - g.n FROM (SELECT scope, COUNT(*) AS n FROM gone GROUP BY scope) g WHERE s.no = @No AND s.scope = g.scope)
            SELECT COUNT(*), COALESCE(SUM(length), 0), COUNT(*) FILTER (WHERE embedded), (SELECT array_agg(term) FROM left_over WHERE chunks <= 0) FROM gone
            """, new { ids, collection.No }, commandTimeout: Database.LongCommandSeconds);
        return (chunks, lengths, embedded, unused ?? []);
    }

    private static async Task<(long Chunks, long Lengths, long Embedded)> InsertAsync(NpgsqlConnection connection, SearchCollection collection, Analyzer analyzer, int dimensions, IReadOnlyList<IndexDocument> documents)
    {
        long chunks = 0, lengths = 0, embedded = 0;
        var holders = new Dictionary<(string Term, string Scope), long>();
        var scopes = new Dictionary<string, (IReadOnlyList<string> Allowed, long Chunks)>(StringComparer.Ordinal);
        foreach (var part in documents.SelectMany(d => d.Chunks, (d, c) => (Document: d, c.Chunk, c.Vector)).Chunk(RowsPerBatch))
        {
            await using var batch = new NpgsqlBatch(connection);
            foreach (var (document, chunk, vector) in part)
            {
                var frequencies = new Dictionary<string, int>(StringComparer.Ordinal);
                var terms = Analyzers.Terms(analyzer, chunk.SearchText);
                foreach (string term in terms) CollectionsMarshal.GetValueRefOrAddDefault(frequencies, term, out _)++;
                string scope = Scope(document.Allowed);
                foreach (string term in frequencies.Keys) CollectionsMarshal.GetValueRefOrAddDefault(holders, (term, scope), out _)++;
                scopes[scope] = (document.Allowed, scopes.GetValueOrDefault(scope).Chunks + 1);
                chunks++;
                lengths += terms.Count;
                if (vector is not null) embedded++;
                batch.BatchCommands.Add(new($"""
                    INSERT INTO {collection.ChunksTable} (document_id, version_no, ordinal, span_start, span_end, hash, length, norm, terms, facts, allowed, scope, embedding, chunk)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::tsvector, $10, $11, $12, $13::halfvec, $14)
                    """)
                {
                    Parameters =
                    {
                        new() { Value = chunk.DocumentId }, new() { Value = chunk.VersionNo }, new() { Value = chunk.Ordinal }, new() { Value = chunk.Start },
                        new() { Value = chunk.End }, new() { Value = chunk.Hash }, new() { Value = terms.Count }, new() { Value = Norm(Math.Max(1, terms.Count)) },
                        new() { Value = Vector(frequencies) }, new() { Value = Facts(document, chunk) }, new() { Value = document.Allowed.ToArray() }, new() { Value = scope }, Real(vector, dimensions), new() { Value = chunk.ToBytes() },
                    },
                });
            }
            await batch.ExecuteNonQueryAsync();
        }
        foreach (var part in holders.OrderBy(h => h.Key.Term, StringComparer.Ordinal).ThenBy(h => h.Key.Scope, StringComparer.Ordinal).Chunk(RowsPerBatch * 64))
            await connection.ExecuteAsync(
                $"INSERT INTO {collection.TermsTable} AS t (term, scope, chunks) SELECT term, scope, n FROM unnest(@terms, @scopes, @counts) AS u (term, scope, n) ON CONFLICT (term, scope) DO UPDATE SET chunks = t.chunks + excluded.chunks",
                new { terms = part.Select(h => h.Key.Term).ToArray(), scopes = part.Select(h => h.Key.Scope).ToArray(), counts = part.Select(h => h.Value).ToArray() });
        foreach (var (scope, (allowed, count)) in scopes)
            await connection.ExecuteAsync(
                "INSERT INTO search_scopes AS s (no, scope, allowed, chunks) VALUES (@No, @scope, @allowed, @count) ON CONFLICT (no, scope) DO UPDATE SET chunks = s.chunks + excluded.chunks",
                new { collection.No, scope, allowed = allowed.ToArray(), count });
        return (chunks, lengths, embedded);
    }

    /// <summary>The frequencies as a tsvector: as many positions as the word has occurrences.</summary>
    private static string Vector(Dictionary<string, int> frequencies)
    {
        var text = new StringBuilder();
        foreach (var (term, frequency) in frequencies)
        {
            if (Encoding.UTF8.GetByteCount(term) > MaxTermBytes) continue;
            text.Append(Quote(term)).Append(':');
            for (int i = 1; i <= Math.Min(frequency, MaxFrequency); i++) text.Append(CultureInfo.InvariantCulture, $"{i},");
            text[^1] = ' ';
        }
        return text.ToString();
    }

    private static string[] Facts(IndexDocument document, IndexedChunk chunk) =>
    [
        Fact("media_type", chunk.MediaType), Fact("uri", chunk.Uri),
        .. document.Metadata.Where(m => m.Key.Length + m.Value.Length < 1_000).Select(m => Fact(m.Key, m.Value)),
    ];

    private static NpgsqlParameter Real(byte[]? row, int dimensions) => new()
    {
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Real,
        Value = row is null || row.Length != QuantizedVector.RowBytes(Math.Max(1, dimensions)) ? DBNull.Value : QuantizedVector.Read(row, dimensions),
    };
}
