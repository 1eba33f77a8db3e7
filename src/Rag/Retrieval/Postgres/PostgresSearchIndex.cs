using System.Data;
using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Dapper;
using Npgsql;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Indexing.Postgres;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Retrieval.Postgres;

/// <summary>
/// Searches in the database: words through a GIN index, vectors through HNSW, both in one snapshot. A question takes one
/// connection and some round trips, and nothing of the index is in this process.
/// </summary>
internal sealed class PostgresSearchIndex(Database database, PostgresIndexer indexer, RetrievalMetrics metrics) : ISearchIndex
{
    /// <summary>The most that pgvector takes.</summary>
    private const int MaxEfSearch = 1_000;

    /// <summary>How many vectors a narrow filter may make the search look at, before it gives what it has.</summary>
    private const int MaxScanTuples = 50_000;

    public string? StateOf(Collection collection, ReadScope scope)
    {
        if (!indexer.CanAnswer || indexer.Find(collection.Id) is not { } index) return null;
        string position = index.Position.ToString(CultureInfo.InvariantCulture);
        return index.Limited > 0 && scope.Groups is not null ? $"{position}/{scope.Key}" : position;
    }

    public ValueTask<IndexResult> SearchAsync(Collection collection, IndexQuery query, CancellationToken ct) =>
        InSnapshotAsync(connection => SearchAsync(connection, collection, query, ct), ct);

    public async ValueTask<bool> ShowsAsync(Collection collection, IReadOnlyCollection<string> documents, ReadScope scope, CancellationToken ct)
    {
        string[] ids = [.. documents.Distinct()];
        return ids.Length == 0 || await InSnapshotAsync(async connection =>
        {
            var index = await connection.QuerySingleOrDefaultAsync<SearchCollection>(new CommandDefinition(
                $"SELECT {PostgresIndexTables.CollectionColumns} FROM search_collections WHERE collection_id = @Id", new { collection.Id }, cancellationToken: ct));
            return index is not null && ids.Length == await connection.ExecuteScalarAsync<int>(new CommandDefinition(
                $"SELECT COUNT(DISTINCT document_id) FROM {index.ChunksTable} WHERE document_id = ANY(@ids) AND (@allowed::text[] IS NULL OR allowed && @allowed)",
                new { ids, allowed = AllowedTerms.Of(scope) }, cancellationToken: ct));
        }, ct);
    }

    private async ValueTask<T> InSnapshotAsync<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken ct)
    {
        for (bool again = false; ; again = true)
        {
            try
            {
                await using var connection = (NpgsqlConnection)await database.OpenAsync(ct);
                await using var tx = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
                return await read(connection);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable && !again)
            {
                // The collection's tables were replaced between two statements; the new ones are named by now.
            }
            catch (DbException e)
            {
                throw database.Translate(e);
            }
        }
    }

    private async Task<IndexResult> SearchAsync(NpgsqlConnection connection, Collection collection, IndexQuery query, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        var index = await connection.QuerySingleOrDefaultAsync<SearchCollection>(new CommandDefinition(
            $"""
            SELECT {PostgresIndexTables.CollectionColumns} FROM search_collections,
              LATERAL (SELECT set_config('hnsw.ef_search', @ef, true), set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.max_scan_tuples', @scan, true)) AS settings
            WHERE collection_id = @Id
            """,
            new { collection.Id, ef = Text(Math.Min(query.Pool, MaxEfSearch)), scan = Text(MaxScanTuples) }, cancellationToken: ct))
            ?? throw new RagException(ErrorKind.Unavailable, $"Collection '{collection.Name}' is not in the index yet.", "Try again in a moment.");
        var analyzer = indexer.AnalyzerOf(index.Language);
        var words = QuestionTerms.Of(analyzer, query.Question);
        string[]? allowed = index.Limited > 0 ? AllowedTerms.Of(query.Scope) : null;
        var counts = await CountAsync(connection, index, words, allowed, ct);
        var scores = new Bm25(counts.Chunks, counts.Lengths, words, counts.Holders);
        var among = new Among(query.Facts?.Select(f => PostgresIndexTables.Fact(f.Key, f.Value)).ToArray(), allowed, counts.Chunks);
        long[] byWords = query.Mode == RetrievalMode.Dense ? [] : await LexicalAsync(connection, index, scores, query.Pool, among, ct);
        metrics.Stage("lexical", started);
        started = Stopwatch.GetTimestamp();
        var candidates = await FuseAsync(connection, index, scores, query, byWords, among, ct);
        Array.Sort(candidates);
        metrics.Stage("dense", started);
        started = Stopwatch.GetTimestamp();
        var taken = Candidate.Take(candidates, query.Count, query.OnePerDocument);
        var chunks = (await connection.QueryAsync<(long Id, byte[] Chunk)>(new CommandDefinition(
            $"SELECT id, chunk FROM {index.ChunksTable} WHERE id = ANY(@ids)", new { ids = taken.Select(c => c.Key).ToArray() }, cancellationToken: ct)))
            .ToDictionary(c => c.Id, c => IndexedChunk.FromBytes(c.Chunk, 0, c.Chunk.Length));
        metrics.Stage("load", started);
        return new(taken.Select(c => new FoundChunk(chunks[c.Key], c.Score, c.Coverage, c.Cosine)).ToList(), scores.Terms, index.Position, analyzer);
    }

    /// <summary>What a search is narrowed to, beside the question.</summary>
    /// <param name="Chunks">How many chunks <paramref name="Allowed"/> leaves.</param>
    private sealed record Among(string[]? Facts, string[]? Allowed, long Chunks)
    {
        public string Sql => (Facts is null ? "" : "AND facts @> @facts ") + (Allowed is null ? "" : "AND allowed && @allowed");

        /// <summary>So few that the nearest are found by looking at all of them: among many others, HNSW would give up before it had met them.</summary>
        public bool IsSmall => Allowed is not null && Chunks <= MaxScanTuples;

        public void Add(DynamicParameters parameters)
        {
            parameters.Add("facts", Facts);
            parameters.Add("allowed", Allowed);
        }
    }

    /// <summary>Chunks, their words, and how many hold each word of the question, all within what is allowed; lengths as everywhere.</summary>
    private static async Task<(long Chunks, long Lengths, IReadOnlyDictionary<string, long> Holders)> CountAsync(
        NpgsqlConnection connection, SearchCollection index, IReadOnlyList<string> words, string[]? allowed, CancellationToken ct)
    {
        var rows = (await connection.QueryAsync<(string? Term, long Chunks)>(new CommandDefinition(
            allowed is null
                ? $"SELECT term, SUM(chunks)::bigint FROM {index.TermsTable} WHERE term = ANY(@words) GROUP BY term"
                : $"""
                WITH shown AS MATERIALIZED (SELECT scope, chunks FROM search_scopes WHERE no = @No AND allowed && @allowed)
                SELECT t.term, SUM(t.chunks)::bigint FROM {index.TermsTable} t JOIN shown s ON s.scope = t.scope WHERE t.term = ANY(@words) GROUP BY t.term
                UNION ALL SELECT NULL, COALESCE(SUM(chunks), 0)::bigint FROM shown
                """, new { words = words.ToArray(), index.No, allowed }, cancellationToken: ct))).AsList();
        var holders = rows.Where(r => r.Term is not null).ToDictionary(r => r.Term!, r => r.Chunks);
        if (allowed is null) return (index.Chunks, index.Lengths, holders);
        long chunks = rows.Single(r => r.Term is null).Chunks;
        return (chunks, (long)((double)index.Lengths / index.Chunks * chunks), holders);
    }

    /// <summary>
    /// The best chunks by BM25, exactly, without scoring all that hold a common word (MaxScore; Turtle and Flood 1995): the
    /// rare words' chunks first, then only as many words more as could still bring one among the best.
    /// </summary>
    private static async Task<long[]> LexicalAsync(NpgsqlConnection connection, SearchCollection index, Bm25 scores, int pool, Among within, CancellationToken ct)
    {
        var words = scores.Found.OrderByDescending(t => t.Idf).ToList();
        if (words.Count == 0) return [];
        int count = 0;
        for (long reached = 0; count < words.Count && reached < 2L * pool; count++) reached += words[count].DocumentFrequency;
        while (true)
        {
            var best = await BestAsync(connection, index, scores, words.Take(count), pool, within, ct);
            if (count == words.Count) return [.. best.Select(b => b.Id)];
            double least = best.Count < pool ? 0 : best[^1].Score;
            int needed = count;
            // What holds none of the words so far can reach no more than the rest of them are worth.
            while (needed < words.Count && words.Skip(needed).Sum(t => (double)Bm25.Weight(t)) >= least) needed++;
            if (needed == count) return [.. best.Select(b => b.Id)];
            count = needed;
        }
    }

    private static async Task<List<(long Id, double Score)>> BestAsync(
        NpgsqlConnection connection, SearchCollection index, Bm25 scores, IEnumerable<QueryTerm> among, int pool, Among within, CancellationToken ct)
    {
        var parameters = scores.Parameters();
        parameters.Add("any", string.Join(" | ", among.Select(t => PostgresIndexTables.Quote(t.Text))));
        within.Add(parameters);
        parameters.Add("pool", pool);
        return (await connection.QueryAsync<(long, double)>(new CommandDefinition(
            $"""
            SELECT id, {scores.ScoreSql()} AS score FROM {index.ChunksTable} c
            WHERE terms @@ @any::text::tsquery {within.Sql}
            ORDER BY score DESC, version_no, ordinal LIMIT @pool
            """, parameters, cancellationToken: ct))).AsList();
    }

    /// <summary>Adds the nearest vectors, and reads what both scores of every candidate are made of.</summary>
    private static async Task<Candidate[]> FuseAsync(NpgsqlConnection connection, SearchCollection index, Bm25 scores, IndexQuery query, long[] byWords, Among within, CancellationToken ct)
    {
        bool lexical = query.Mode != RetrievalMode.Dense;
        var parameters = lexical ? scores.Parameters() : new DynamicParameters();
        parameters.Add("words", byWords);
        within.Add(parameters);
        parameters.Add("pool", query.Pool);
        string near = "", cosine = "0::float8";
        if (query.Vector is { } vector && index.Embedded > 0)
        {
            parameters.Add("vector", new RealArray(vector));
            near = $"""
                UNION SELECT id FROM (SELECT id FROM {index.ChunksTable} WHERE embedding IS NOT NULL {within.Sql}
                  ORDER BY {(within.IsSmall ? "(embedding <=> @vector::halfvec) + 0" : "embedding <=> @vector::halfvec")} LIMIT @pool) AS nearest
                """;
            cosine = "COALESCE(1 - (c.embedding <=> @vector::halfvec), 0)";
        }
        var rows = await connection.QueryAsync<(long Id, long VersionNo, int Ordinal, float Norm, int[] Frequencies, double Cosine)>(new CommandDefinition(
            $"""
            SELECT c.id, c.version_no, c.ordinal, c.norm, {(lexical ? scores.FrequenciesSql() : "ARRAY[]::int[]")}, {cosine}
            FROM {index.ChunksTable} c WHERE c.id IN (SELECT unnest(@words) {near})
            """, parameters, cancellationToken: ct));
        float bound = QuestionTerms.Bound(scores.Terms);
        return rows.Select(r => Candidate.Of(query.Mode, r.Id, (float)r.Cosine, lexical ? scores.Score(r.Frequencies, r.Norm) : 0, bound, r.VersionNo, r.Ordinal)).ToArray();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
