using System.Collections.Concurrent;
using System.Collections.Frozen;
using Lucene.Net.Analysis;
using Rag.Indexing;

namespace Rag.Answering.Verification;

/// <summary>
/// What verification knows of a language: its operators, its numbers in words, its months, and, of English, words that mean the
/// same and words that exclude each other. English stands behind every language: manuals everywhere quote it.
/// </summary>
internal sealed partial class Lexicon
{
    private static readonly ConcurrentDictionary<string, Lexicon> Loaded = new(StringComparer.Ordinal);

    private readonly Dictionary<string, List<(string[] Words, Operator Operator)>> _operators = new(StringComparer.Ordinal);
    private readonly HashSet<string> _functions = new(StringComparer.Ordinal), _conjunctions = new(StringComparer.Ordinal), _light = new(StringComparer.Ordinal);
    private readonly Dictionary<string, decimal> _numbers = new(StringComparer.Ordinal), _scales = new(StringComparer.Ordinal), _ordinals = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _months = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int[]> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _antonyms = new(StringComparer.Ordinal);

    /// <summary>Thread-safe.</summary>
    public Analyzer Analyzer { get; }

    /// <summary>A comma stands before the decimals, and a point between thousands.</summary>
    public bool DecimalComma { get; }

    /// <summary>Capitals mark names, not every noun.</summary>
    public bool CapitalsAreNames { get; }

    /// <summary>The words of a language of <see cref="Ingestion.Languages"/>.</summary>
    public static Lexicon For(string language) => Loaded.GetOrAdd(Ingestion.Languages.All.Contains(language) ? language : Ingestion.Languages.Default, static l => new(l));

    private Lexicon(string language)
    {
        Analyzer = Analyzers.For(language);
        DecimalComma = language is not ("english" or "cjk" or "hindi" or "arabic" or "none");
        CapitalsAreNames = language != "german";
        if (language is "german") Read(GermanOperators, GermanFunctions, GermanConjunctions, GermanNumbers, GermanScales, GermanOrdinals, GermanMonths);
        else if (language is "french") Read(FrenchOperators, FrenchFunctions, FrenchConjunctions, FrenchNumbers, FrenchScales, FrenchOrdinals, FrenchMonths);
        else if (language is "spanish") Read(SpanishOperators, SpanishFunctions, SpanishConjunctions, SpanishNumbers, SpanishScales, SpanishOrdinals, SpanishMonths);
        else Read(EnglishOperators, EnglishFunctions, EnglishConjunctions, EnglishNumbers, EnglishScales, EnglishOrdinals, EnglishMonths);
        if (language is "german" or "french" or "spanish") return;
        foreach (string word in Words(EnglishLight)) _light.Add(StemOf(word));
        ReadGroups();
        ReadAntonyms();
    }

    public bool IsFunction(string key) => _functions.Contains(key);

    public bool EndsClause(string key) => _conjunctions.Contains(key);

    /// <summary>So usual a word that a sentence may do without it.</summary>
    public bool IsLight(string stem) => _light.Contains(stem);

    public bool TryNumber(string key, out decimal value) => _numbers.TryGetValue(key, out value);

    public bool TryScale(string key, out decimal value) => _scales.TryGetValue(key, out value);

    public bool TryOrdinal(string key, out decimal value) => _ordinals.TryGetValue(key, out value);

    public int? Month(string key) => _months.TryGetValue(key, out int month) ? month : null;

    /// <summary>Groups of words of one meaning, by number.</summary>
    public int[] GroupsOf(string stem) => _groups.GetValueOrDefault(stem, []);

    public bool AreOpposed(string stem, string other) => _antonyms.TryGetValue(stem, out var opposed) && opposed.Contains(other);

    public bool HasOpposite(string stem) => _antonyms.ContainsKey(stem);

    /// <summary>The operators that may begin with a word, longest first.</summary>
    public IReadOnlyList<(string[] Words, Operator Operator)> OperatorsFrom(string key) => _operators.GetValueOrDefault(key, []);

    public string StemOf(string word) => Analyzers.Terms(Analyzer, word, 1) is [var stem] ? stem : word;

    private void Read(string operators, string functions, string conjunctions, string numbers, string scales, string ordinals, string months)
    {
        foreach (string line in operators.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(':', 2, StringSplitOptions.TrimEntries);
            var op = Enum.Parse<Operator>(parts[0]);
            foreach (string phrase in parts[1].Split(',', StringSplitOptions.TrimEntries))
            {
                string[] words = [.. phrase.Split(' ').Select(TokenReader.Fold)];
                if (!_operators.TryGetValue(words[0], out var list)) _operators[words[0]] = list = [];
                list.Add((words, op));
            }
        }
        foreach (var list in _operators.Values) list.Sort((a, b) => b.Words.Length - a.Words.Length);
        foreach (string word in Words(functions)) _functions.Add(TokenReader.Fold(word));
        foreach (string word in Words(conjunctions)) _conjunctions.Add(TokenReader.Fold(word));
        Fill(_numbers, numbers);
        Fill(_scales, scales);
        Fill(_ordinals, ordinals);
        int month = 0;
        foreach (string names in Words(months))
        {
            month++;
            foreach (string name in names.Split('/')) _months[TokenReader.Fold(name)] = month;
        }
    }

    private static void Fill(Dictionary<string, decimal> table, string words)
    {
        foreach (string entry in Words(words))
        {
            string[] parts = entry.Split('=');
            foreach (string name in parts[0].Split('/')) table[TokenReader.Fold(name)] = decimal.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    private void ReadGroups()
    {
        var groups = new Dictionary<string, HashSet<int>>(StringComparer.Ordinal);
        int number = 0;
        foreach (string line in EnglishGroups.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            foreach (string word in Words(line))
            {
                string stem = StemOf(word);
                if (!groups.TryGetValue(stem, out var set)) groups[stem] = set = [];
                set.Add(number);
            }
            number++;
        }
        foreach (var (stem, set) in groups) _groups[stem] = [.. set];
    }

    private void ReadAntonyms()
    {
        foreach (string line in EnglishOpposites.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] sides = line.Split('|');
            foreach (string left in Words(sides[0]))
                foreach (string right in Words(sides[1]))
                {
                    Oppose(StemOf(left), StemOf(right));
                    Oppose(StemOf(right), StemOf(left));
                }
        }
    }

    private void Oppose(string stem, string other)
    {
        if (stem == other) return;
        if (!_antonyms.TryGetValue(stem, out var set)) _antonyms[stem] = set = new(StringComparer.Ordinal);
        set.Add(other);
    }

    private static string[] Words(string text) => text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
