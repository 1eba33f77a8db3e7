using System.Text.RegularExpressions;
using Lucene.Net.Analysis;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;

namespace Rag.Answering;

/// <summary>A chunk with what retrieval said of it: all that choosing an answer depends on.</summary>
internal sealed record Evidence(IndexedChunk Chunk, float Score, float Coverage, float Cosine);

/// <summary>A question's word and its inverse document frequency when the question was asked.</summary>
internal readonly record struct WeightedTerm(string Text, float Idf);

/// <summary>
/// Answers with the documents' own words: scores every unit of the evidence, and takes the best few, or none. A pure
/// function of question, terms and evidence; no clock, no chance.
/// </summary>
/// <remarks>
/// A unit scores its chunk's retrieval score plus <see cref="UnitWeight"/> times the share of the question's worth
/// (summed idf) that its words cover; a word that stands only in the neighbouring units or the headings counts
/// <see cref="ContextCredit"/>. Both parts lie on scales that do not depend on the collection, so one threshold says
/// whether there is an answer at all.
/// </remarks>
internal static partial class ExtractiveAnswerer
{
    /// <summary>Changes when the same evidence may give another answer.</summary>
    public const string Version = "extractive-1";

    /// <summary>Chunks that are looked at, best first.</summary>
    public const int MaxEvidence = 5;

    /// <summary>Units chosen by score; steps, rows' headers and code that belong to them come on top.</summary>
    public const int MaxUnits = 3;

    /// <summary>Units in all.</summary>
    public const int MaxUnitsWithContext = 16;

    private const double UnitWeight = 0.8;
    private const double ContextCredit = 0.3;

    /// <summary>Further units must come this near to the best one, and say something that it does not.</summary>
    private const double NearBest = 0.8;

    /// <summary>Below these the evidence does not carry an answer; the second where the search was by words alone.</summary>
    private const double MinStrength = 0.64, MinStrengthLexical = 0.5;

    /// <param name="Words">Which of the question's terms stand in the unit itself, a bit each.</param>
    private readonly record struct ScoredUnit(UnitChoice Choice, double Score, UInt128 Words)
    {
        /// <summary>It has some of the other's words and no other: the answer about P1 where P0 was asked for.</summary>
        public bool SaysLessThan(ScoredUnit other) => Words != other.Words && (Words & ~other.Words) == 0;
    }

    /// <summary>Reads and chooses.</summary>
    public static Selection Select(string question, IReadOnlyList<WeightedTerm> terms, IReadOnlyList<Evidence> evidence, Analyzer analyzer, bool lexicalOnly) =>
        Select(question, terms, evidence, Read([.. terms.Select(t => t.Text)], [.. evidence.Select(e => e.Chunk)], analyzer), lexicalOnly);

    /// <param name="reading">Of this evidence, in its order.</param>
    public static Selection Select(string question, IReadOnlyList<WeightedTerm> terms, IReadOnlyList<Evidence> evidence, EvidenceReading reading, bool lexicalOnly)
    {
        var scored = Score(terms, evidence, reading);
        double best = scored.Count == 0 ? 0 : scored[0].Score;
        if (scored.Count == 0 || best < (lexicalOnly ? MinStrengthLexical : MinStrength)) return new([], best);
        var chosen = new List<UnitChoice>();
        var texts = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var unit in scored)
        {
            if (chosen.Count == MaxUnits || unit.Score < NearBest * best) break;
            if (!unit.SaysLessThan(scored[0]) && texts.Add(TextOf(evidence, unit.Choice))) chosen.Add(unit.Choice);
        }
        bool howTo = HowTo.IsMatch(question);
        var all = new HashSet<UnitChoice>(chosen);
        foreach (var choice in chosen)
            foreach (var companion in Companions(evidence, choice, howTo))
                if (all.Count < MaxUnitsWithContext) all.Add(companion);
        return new(InReadingOrder(evidence, all), best);
    }

    /// <summary>Finds the question's terms in the chunks, which is most of the work: a pure function of both.</summary>
    public static EvidenceReading Read(IReadOnlyList<string> terms, IReadOnlyList<IndexedChunk> chunks, Analyzer analyzer)
    {
        return new([.. chunks.Take(MaxEvidence).Select(chunk =>
        {
            var head = TermsOf($"{chunk.Title} {chunk.HeadingPath} {chunk.Context}");
            var units = chunk.Units.Select(u => TermsOf(chunk.TextOf(u))).ToList();
            ReadRowsWithTheirHeader(chunk, units, TermsOf(chunk.Context));
            return (IReadOnlyList<UnitWords>)[.. units.Select((unit, u) =>
            {
                UInt128 own = 0, beside = 0;
                for (int t = 0; t < terms.Count; t++)
                {
                    if (unit.Contains(terms[t])) own |= UInt128.One << t;
                    else if (head.Contains(terms[t]) || (u > 0 && units[u - 1].Contains(terms[t])) || (u + 1 < units.Count && units[u + 1].Contains(terms[t])))
                        beside |= UInt128.One << t;
                }
                return new UnitWords(own, beside);
            })];
        })]);

        HashSet<string> TermsOf(string text) => [.. Analyzers.Terms(analyzer, text)];
    }

    private static List<ScoredUnit> Score(IReadOnlyList<WeightedTerm> terms, IReadOnlyList<Evidence> evidence, EvidenceReading reading)
    {
        double worth = terms.Sum(t => (double)t.Idf);
        var scored = new List<ScoredUnit>();
        for (int e = 0; e < reading.Chunks.Count; e++)
        {
            var chunk = evidence[e].Chunk;
            var units = reading.Chunks[e];
            for (int u = 0; u < units.Count; u++)
            {
                if (chunk.Units[u].Kind == UnitKind.Heading && units.Count > 1) continue;
                double covered = 0;
                for (int t = 0; t < terms.Count; t++)
                {
                    if ((units[u].Own >> t & 1) != 0) covered += terms[t].Idf;
                    else if ((units[u].Beside >> t & 1) != 0) covered += ContextCredit * terms[t].Idf;
                }
                scored.Add(new(new(e, u), evidence[e].Score + UnitWeight * (worth > 0 ? covered / worth : 0), units[u].Own));
            }
        }
        scored.Sort(static (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score)
            : a.Choice.Evidence != b.Choice.Evidence ? a.Choice.Evidence.CompareTo(b.Choice.Evidence)
            : a.Choice.Unit.CompareTo(b.Choice.Unit));
        return scored;
    }

    /// <summary>A table's row says what it says together with the table's first row: "Weekly | 1 year" under "Backup | Kept for".</summary>
    private static void ReadRowsWithTheirHeader(IndexedChunk chunk, IReadOnlyList<HashSet<string>> terms, HashSet<string> context)
    {
        HashSet<string>? header = null;
        for (int u = 0; u < terms.Count; u++)
        {
            bool row = chunk.Units[u].Kind == UnitKind.TableRow;
            bool first = row && (u == 0 || chunk.Units[u - 1].Kind != UnitKind.TableRow);
            if (!row) header = null;
            else if (first) header = u == 0 && context.Count > 0 ? context : [.. terms[u]];
            if (row && header is not null && (!first || ReferenceEquals(header, context))) terms[u].UnionWith(header);
        }
    }

    /// <summary>What a unit needs beside it to be understood: the steps of its list, the code it announces, the header of its table.</summary>
    private static IEnumerable<UnitChoice> Companions(IReadOnlyList<Evidence> evidence, UnitChoice choice, bool howTo)
    {
        var chunk = evidence[choice.Evidence].Chunk;
        var units = chunk.Units;
        int u = choice.Unit;
        switch (units[u].Kind)
        {
            case UnitKind.ListItem when howTo || Numbered.IsMatch(chunk.TextOf(units[u])):
                int first = u, last = u;
                while (first > 0 && units[first - 1].Kind is UnitKind.ListItem or UnitKind.Code) first--;
                while (last + 1 < units.Count && units[last + 1].Kind is UnitKind.ListItem or UnitKind.Code) last++;
                for (int i = first; i <= last; i++) yield return new(choice.Evidence, i);
                break;
            case UnitKind.TableRow:
                if (HeaderOf(evidence, choice) is { } header) yield return header;
                break;
            case UnitKind.Code when u > 0 && units[u - 1].Kind == UnitKind.Sentence:
                yield return new(choice.Evidence, u - 1);
                break;
            case UnitKind.Sentence:
                bool announces = chunk.TextOf(units[u]).EndsWith(':');
                for (int i = u + 1; i < units.Count && (announces || (howTo && i == u + 1)) && units[i].Kind is UnitKind.Code or UnitKind.ListItem; i++)
                {
                    if (!announces && units[i].Kind == UnitKind.ListItem) break;
                    yield return new(choice.Evidence, i);
                }
                break;
        }
    }

    /// <summary>The first row of a row's table, which may be the row itself; null for what is no row, and where the table began in an earlier chunk.</summary>
    public static UnitChoice? HeaderOf(IReadOnlyList<Evidence> evidence, UnitChoice choice)
    {
        var chunk = evidence[choice.Evidence].Chunk;
        if (chunk.Units[choice.Unit].Kind != UnitKind.TableRow) return null;
        int header = choice.Unit;
        while (header > 0 && chunk.Units[header - 1].Kind == UnitKind.TableRow) header--;
        // Of a table that began in an earlier chunk, the first row here is a row like any other.
        return header > 0 || chunk.Context.Length == 0 ? new(choice.Evidence, header) : null;
    }

    private static IReadOnlyList<UnitChoice> InReadingOrder(IReadOnlyList<Evidence> evidence, IEnumerable<UnitChoice> chosen)
    {
        // Documents in the order of their best chunk; within a document as it is written.
        var rank = new Dictionary<long, int>();
        for (int e = 0; e < evidence.Count; e++) rank.TryAdd(evidence[e].Chunk.VersionNo, e);
        return chosen
            .OrderBy(c => rank[evidence[c.Evidence].Chunk.VersionNo])
            .ThenBy(c => evidence[c.Evidence].Chunk.Ordinal)
            .ThenBy(c => c.Unit)
            .ToList();
    }

    private static string TextOf(IReadOnlyList<Evidence> evidence, UnitChoice choice)
    {
        var chunk = evidence[choice.Evidence].Chunk;
        return chunk.TextOf(chunk.Units[choice.Unit]);
    }

    /// <summary>Asks for a procedure. English only: elsewhere answers just carry fewer steps.</summary>
    [GeneratedRegex(@"\bhow (do|can|could|should|would|to|does one|must)\b|\bsteps?\b|\bprocedure\b|\bhow .* (configure|install|restore|create|set up|enable|disable)\b", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex HowTo { get; }

    [GeneratedRegex(@"^\d{1,3}[.)]\s", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Numbered { get; }
}
