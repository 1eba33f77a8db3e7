using System.Globalization;
using System.Text;
using Dapper;
using Rag.Indexing;
using Rag.Indexing.Postgres;

namespace Rag.Retrieval.Postgres;

/// <summary>
/// BM25 of a question in a collection, as SQL to find the best by and as the figure that the local index gives, from the
/// same statistics (<see cref="ChunkSearcher"/>) and with the same rounding of lengths.
/// </summary>
/// <remarks>
/// PostgreSQL has no function that gives a word's frequency in a tsvector, but <c>ts_rank</c> of one word, all weights 1,
/// is Σ 1/j² over its positions, divided by π²/6: it rises with each position, and its place among the values for 1, 2, 3…
/// is the frequency.
/// </remarks>
internal sealed class Bm25
{
    private const double RankScale = 1.64493406685;

    private static readonly float[] Steps = MakeSteps();

    private readonly float _averageLength;

    public Bm25(long chunks, long lengths, IReadOnlyList<string> words, IReadOnlyDictionary<string, long> holders)
    {
        long counted = Math.Max(chunks, ChunkSearcher.MinChunks);
        double scale = chunks > 0 && chunks < ChunkSearcher.MinChunks ? (double)ChunkSearcher.MinChunks / chunks : 1;
        _averageLength = lengths > 0 ? (float)((long)(lengths * scale) / (double)counted) : 1;
        Terms = words.Select(w => QuestionTerms.Weigh(w, (int)Math.Min(int.MaxValue, holders.GetValueOrDefault(w)), chunks == 0 ? 0 : counted)).ToList();
        Found = Terms.Where(t => t.DocumentFrequency > 0).ToList();
    }

    public IReadOnlyList<QueryTerm> Terms { get; }

    /// <summary>The terms that some chunk holds, in the order of the question.</summary>
    public IReadOnlyList<QueryTerm> Found { get; }

    /// <summary>The most that a term can add.</summary>
    public static float Weight(QueryTerm term) => term.Idf * (IndexFields.K1 + 1);

    /// <summary>What <see cref="ScoreSql"/> and <see cref="FrequenciesSql"/> refer to.</summary>
    public DynamicParameters Parameters()
    {
        var parameters = new DynamicParameters();
        parameters.Add("steps", new RealArray(Steps));
        for (int i = 0; i < Found.Count; i++) parameters.Add("q" + Number(i), PostgresIndexTables.Quote(Found[i].Text));
        return parameters;
    }

    /// <summary>An expression for the score of row <c>c</c>.</summary>
    public string ScoreSql()
    {
        double fixedPart = IndexFields.K1 * (1 - IndexFields.B), byLength = IndexFields.K1 * IndexFields.B / _averageLength;
        var sql = new StringBuilder("0::float8");
        for (int i = 0; i < Found.Count; i++)
            sql.Append(CultureInfo.InvariantCulture, $" + COALESCE({Weight(Found[i]):R} / (1 + ({fixedPart:R} + {byLength:R} * c.norm) / NULLIF({Frequency(i)}, 0)), 0)");
        return sql.ToString();
    }

    /// <summary>An expression for the frequencies of <see cref="Found"/> in row <c>c</c>.</summary>
    public string FrequenciesSql() => $"ARRAY[{string.Join(", ", Enumerable.Range(0, Found.Count).Select(Frequency))}]::int[]";

    /// <summary>The score as Lucene's BM25Similarity computes it, in its order and precision.</summary>
    public float Score(ReadOnlySpan<int> frequencies, float norm)
    {
        float score = 0, k = IndexFields.K1 * ((1 - IndexFields.B) + IndexFields.B * norm / _averageLength);
        for (int i = 0; i < frequencies.Length; i++)
            if (frequencies[i] > 0) score += Weight(Found[i]) * frequencies[i] / (frequencies[i] + k);
        return score;
    }

    private static string Frequency(int i) => $"width_bucket(ts_rank('{{1,1,1,1}}', c.terms, @q{Number(i)}::text::tsquery), @steps)";

    private static string Number(int i) => i.ToString(CultureInfo.InvariantCulture);

    /// <summary>The rank half-way between one frequency and the next, from 0 up.</summary>
    private static float[] MakeSteps()
    {
        var steps = new float[PostgresIndexTables.MaxFrequency];
        double sum = 0;
        for (int n = 1; n <= steps.Length; n++)
        {
            double next = 1.0 / ((double)n * n);
            steps[n - 1] = (float)((sum + next / 2) / RankScale);
            sum += next;
        }
        return steps;
    }
}
