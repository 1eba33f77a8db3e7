using System.Globalization;
using System.Text.RegularExpressions;

namespace Rag.Testing.Claims;

/// <summary>
/// Edits that make a true sentence false: one number, name, date, unit, negation or comparison. The forms are in two halves, like
/// the documents: verification may be made to see the first, the second only measures.
/// </summary>
public sealed partial class FalseClaims(int seed, bool heldOut, IReadOnlyList<SourceSentence> sentences)
{
    public static readonly IReadOnlyList<string> Kinds = ["number", "name", "date", "unit", "negation added", "negation dropped", "comparison"];

    private readonly Random _random = new(seed);

    /// <summary>Names of the half's sentences.</summary>
    private readonly string[] _names = [.. sentences.SelectMany(s => Name().Matches(s.Text).Select(m => m.Value)).Distinct()];

    /// <summary>An edit of the kind; null where the sentence has nothing for it.</summary>
    public ClaimCase? Edit(ClaimCase source, string kind)
    {
        var (claim, change) = kind switch
        {
            "number" => Number(source),
            "name" => NameOf(source),
            "date" => Date(source),
            "unit" => Unit(source),
            "negation added" => Add(source),
            "negation dropped" => Drop(source),
            _ => Compare(source),
        };
        return claim is null || claim == source.Claim ? null : new(kind, source.Kind, claim, source.Spans, false, source.Source, change);
    }

    private (string?, string) Number(ClaimCase source)
    {
        var all = AnyNumber().Matches(source.Claim).Where(m => !IsYear(m.Value)).ToList();
        if (all.Count == 0) return default;
        var match = Pick(all);
        if (Array.IndexOf(NumberWords, match.Value.ToLowerInvariant()) is >= 0 and var word)
        {
            string other = NumberWords[(word + 1 + _random.Next(NumberWords.Length - 1)) % NumberWords.Length];
            return Replace(source, match, char.IsUpper(match.Value[0]) ? TrueClaims.Capitalized(other) : other);
        }
        if (!decimal.TryParse(match.Value.Replace(",", ""), NumberStyles.Number, CultureInfo.InvariantCulture, out decimal value)) return default;
        // Half of them another number that the span has, where it has one: the hard ones.
        var others = AnyNumber().Matches(string.Join(' ', source.Spans)).Select(m => m.Value).Where(v => !IsYear(v) && decimal.TryParse(v.Replace(",", ""), NumberStyles.Number, CultureInfo.InvariantCulture, out decimal o) && o != value && !source.Claim.Contains(v, StringComparison.Ordinal)).ToList();
        if (others.Count > 0 && _random.Next(2) == 0) return Replace(source, match, Pick(others));
        decimal made = _random.Next(4) switch
        {
            0 => value + _random.Next(1, 10),
            1 => value * 10,
            2 => Math.Max(0, value - _random.Next(1, 10)) is var less && less == value ? value + 1 : less,
            _ => value * 2 + 1,
        };
        string text = made.ToString(match.Value.Contains(',') ? "#,0.####" : "0.####", CultureInfo.InvariantCulture);
        return Replace(source, match, text);
    }

    private (string?, string) NameOf(ClaimCase source)
    {
        var all = Name().Matches(source.Claim).Where(m => !NoName().IsMatch(m.Value)).ToList();
        if (all.Count == 0) return default;
        var match = Pick(all);
        // Half of them a name that the span has in another sentence.
        var near = Name().Matches(string.Join(' ', source.Spans)).Select(m => m.Value).Where(n => Differs(n, match.Value) && Differs(n, source.Claim)).Distinct().ToList();
        string? other = near.Count > 0 && _random.Next(2) == 0 ? Pick(near) : null;
        for (int n = 0; n < 20 && other is null; n++)
            if (Pick(_names) is var name && Differs(name, match.Value) && Differs(name, source.Claim)) other = name;
        return other is null ? default : Replace(source, match, other);
    }

    /// <summary>No word of one is a form of a word of the other: Norman is no other name than Normans.</summary>
    private static bool Differs(string name, string text) =>
        !NoName().IsMatch(name) && !WordOf().Matches(name).Any(a => WordOf().Matches(text).Any(b => a.Value.StartsWith(Head(b.Value), StringComparison.OrdinalIgnoreCase) || b.Value.StartsWith(Head(a.Value), StringComparison.OrdinalIgnoreCase)));

    private static string Head(string word) => word.Length > 4 ? word[..4] : word;

    private (string?, string) Date(ClaimCase source)
    {
        var all = Year().Matches(source.Claim).Concat(Month().Matches(source.Claim)).ToList();
        if (all.Count == 0) return default;
        var match = Pick(all);
        if (Array.IndexOf(Months, match.Value) is >= 0 and var month) return Replace(source, match, Months[(month + 1 + _random.Next(11)) % 12]);
        int year = int.Parse(match.Value, CultureInfo.InvariantCulture);
        var near = Year().Matches(string.Join(' ', source.Spans)).Select(m => m.Value).Where(y => y != match.Value && !source.Claim.Contains(y, StringComparison.Ordinal)).Distinct().ToList();
        if (near.Count > 0 && _random.Next(2) == 0) return Replace(source, match, Pick(near));
        int other = _random.Next(3) switch { 0 => year + _random.Next(1, 30), 1 => year - _random.Next(1, 30), _ => year + (_random.Next(2) == 0 ? 100 : -100) };
        return Replace(source, match, other.ToString(CultureInfo.InvariantCulture));
    }

    private (string?, string) Unit(ClaimCase source)
    {
        var pairs = heldOut ? UnitsHeldOut : UnitsOpen;
        if (!AnyNumber().IsMatch(source.Claim)) return default;
        var found = pairs.SelectMany(p => Regex.Matches(source.Claim, $@"(?<=(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty|fifty|hundred|thousand|million))[ -]?){Regex.Escape(p.From)}(?!\w)").Select(m => (Match: m, p.To))).ToList();
        if (found.Count == 0) return default;
        var (match, to) = Pick(found);
        return Replace(source, match, to);
    }

    private (string?, string) Add(ClaimCase source)
    {
        var match = Auxiliary().Match(source.Claim);
        if (!match.Success || Negation().IsMatch(source.Claim) || Unless().IsMatch(source.Claim)) return default;
        string verb = match.Value;
        string[] forms = heldOut
            ? [$"{verb} never", verb is "is" or "are" or "was" or "were" ? $"{verb} no longer" : $"{verb} not", verb is "can" ? "cannot" : $"{verb} hardly ever"]
            : [$"{verb} not", verb switch { "can" => "cannot", "will" => "won't", "may" or "might" or "must" => $"{verb} not", _ => verb + "n't" }, $"{verb} never"];
        return Replace(source, match, Pick(forms));
    }

    private (string?, string) Drop(ClaimCase source)
    {
        if (Unless().IsMatch(source.Claim)) return default;
        var all = Dropped().Matches(source.Claim).ToList();
        if (all.Count != 1) return default;
        var match = all[0];
        string word = match.Value.Trim();
        string kept = word switch
        {
            "cannot" => "can", "without" => "with", "unable" => "able", "impossible" => "possible", "never" when heldOut => "always", "can't" => "can", "won't" => "will",
            _ when word.EndsWith("n't", StringComparison.Ordinal) => word[..^3],
            _ => "",
        };
        string claim = source.Claim[..match.Index].TrimEnd() + (kept.Length > 0 ? " " + kept : "") + " " + source.Claim[(match.Index + match.Length)..].TrimStart();
        return (claim, $"{word} → {kept}");
    }

    private (string?, string) Compare(ClaimCase source)
    {
        if (Unless().IsMatch(source.Claim) && Regex.IsMatch(source.Claim, @"\bnot\b")) return default;
        var pairs = heldOut ? ComparisonsHeldOut : ComparisonsOpen;
        var found = pairs.SelectMany(p => Regex.Matches(source.Claim, $@"\b{p.From}\b").Select(m => (Match: m, p.To))).ToList();
        if (found.Count > 0)
        {
            var (match, to) = Pick(found);
            return Replace(source, match, to);
        }
        // A bound where there is none.
        var number = AnyNumber().Matches(source.Claim).Where(m => !IsYear(m.Value) && BeforeNumber().IsMatch(source.Claim[..m.Index])).ToList();
        if (number.Count == 0 || _random.Next(4) != 0) return default;
        var bounded = Pick(number);
        return Replace(source, bounded, $"{Pick(heldOut ? ["fewer than", "up to", "no more than"] : (string[])["more than", "at least", "less than"])} {bounded.Value}");
    }

    private static (string?, string) Replace(ClaimCase source, Match match, string by) =>
        (source.Claim[..match.Index] + by + source.Claim[(match.Index + match.Length)..], $"{match.Value} → {by}");

    private T Pick<T>(IReadOnlyList<T> list) => list[_random.Next(list.Count)];

    private static bool IsYear(string text) => text.Length == 4 && int.TryParse(text, out int year) && year is >= 1000 and <= 2100;

    private static readonly string[] NumberWords = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty", "thirty", "forty", "fifty"];

    private static readonly string[] Months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    private static readonly (string From, string To)[] UnitsOpen =
    [
        ("km", "miles"), ("kilometres", "miles"), ("kilometers", "miles"), ("miles", "kilometres"), ("m", "ft"), ("metres", "feet"), ("feet", "metres"), ("years", "months"), ("days", "weeks"), ("hours", "days"), ("minutes", "hours"),
        ("seconds", "minutes"), ("million", "billion"), ("percent", "per mille"), ("%", " kg"), ("MB", "GB"), ("bytes", "bits"), ("ms", "seconds"), ("°C", "°F"),
    ];

    private static readonly (string From, string To)[] UnitsHeldOut =
    [
        ("km", "metres"), ("kilometres", "metres"), ("kilometers", "yards"), ("miles", "yards"), ("m", "km"), ("metres", "kilometres"), ("feet", "inches"), ("years", "decades"), ("year", "week"), ("days", "hours"), ("hours", "minutes"), ("minutes", "seconds"),
        ("seconds", "hours"), ("billion", "million"), ("million", "thousand"), ("percent", "degrees"), ("%", " people"), ("GB", "TB"), ("MB", "kB"), ("bytes", "kilobytes"), ("milliseconds", "seconds"), ("ms", "minutes"), ("months", "years"), ("weeks", "days"), ("centuries", "decades"), ("mph", "km/h"),
    ];

    private static readonly (string From, string To)[] ComparisonsOpen =
    [
        ("more than", "less than"), ("less than", "more than"), ("at least", "at most"), ("at most", "at least"), ("before", "after"), ("after", "before"), ("higher", "lower"), ("lower", "higher"), ("larger", "smaller"), ("first", "last"), ("largest", "smallest"),
        ("increased", "decreased"), ("increase", "decrease"), (@"(?<!\b(?:at|after|almost|nearly|above|not|first of) )all(?! of a sudden)", "some"), ("may", "must"), (@"over(?= \d)", "under"), ("always", "sometimes"), ("greater", "smaller"), ("most", "least"),
    ];

    private static readonly (string From, string To)[] ComparisonsHeldOut =
    [
        ("fewer than", "more than"), ("more than", "at most"), ("at least", "less than"), ("until", "since"), ("since", "until"), ("earlier", "later"), ("later", "earlier"), ("above", "below"), ("below", "above"), ("smaller", "larger"), ("last", "first"), ("highest", "lowest"),
        ("oldest", "youngest"), ("decreased", "increased"), ("rose", "fell"), ("longer", "shorter"), ("older", "younger"), ("some", "all"), ("many", "few"), ("can", "must"), ("should", "must"), (@"up to(?= \d)", "at least"), ("maximum", "minimum"), ("minimum", "maximum"), ("better", "worse"), ("only", "also"), ("usually", "always"), ("faster", "slower"),
    ];

    [GeneratedRegex(@"(?<![\w.,:/#-])\d[\d,]*(?:\.\d+)?(?![\w:/-]|[.,]\d)(?<!,)|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Twelve)\b(?!-)")]
    private static partial Regex AnyNumber();

    [GeneratedRegex(@"(?<=[a-z,;:] )[A-Z][a-z][\w'’-]*(?:(?: of| the| de| von)? [A-Z][\w'’-]*)*")]
    private static partial Regex Name();

    [GeneratedRegex(@"^(?:I|The|A|An|January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Note|See|If|It|This|You|In|For|When|Then|While|However|Not|They|He|She|We|These|Those|That|Another|Other|Such|One|There|On|At|By|From|With|As|After|Before|During|Since|To|Of|And|Or|But|Some|Many|Most|All|Each|Both|What|Which|Who|Where|How|Why|Is|Are|Was|No|Use|Using)\b")]
    private static partial Regex NoName();

    [GeneratedRegex(@"\w+")]
    private static partial Regex WordOf();

    [GeneratedRegex(@"(?<![\w.,:/$€£-])(?:1\d{3}|20\d{2})(?![\w:/%-]|[.,]\d)")]
    private static partial Regex Year();

    [GeneratedRegex(@"\b(?:January|February|March|April|June|July|August|September|October|November|December)\b")]
    private static partial Regex Month();

    [GeneratedRegex(@"(?<=\w )(?:is|are|was|were|can|could|will|would|should|must|has|have|had|does|do|did)(?= (?!to\b|been\b|not\b|no\b)[a-z])")]
    private static partial Regex Auxiliary();

    [GeneratedRegex(@"\b(?:not|no|never|none|without|cannot|neither|nor|nothing|nobody|unable|fail|failed|hardly|few|rarely)\b|n't\b", RegexOptions.IgnoreCase)]
    private static partial Regex Negation();

    /// <summary>Here a word more or less is not sure to change the truth.</summary>
    [GeneratedRegex(@"\b(?:unless|whether|not only|not just|not merely|if not|or not|not necessarily|no longer|no more|no less|no fewer|no matter)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Unless();

    [GeneratedRegex(@"(?<=\w )(?:not|never|cannot|without|unable|impossible|can't|won't|isn't|aren't|wasn't|weren't|doesn't|don't|didn't|hasn't|haven't|couldn't|wouldn't|shouldn't)(?= \w)|(?<=(?:has|have|had|is|are|was|were|with) )no(?= \w)")]
    private static partial Regex Dropped();

    [GeneratedRegex(@"(?<!\b(?:than|least|most|over|under|about|to|nearly|almost|approximately|around|and|or|between|from|within|every|each|last|first|next|top|past|figure|table|version|step|section|chapter|no\.?) )$", RegexOptions.IgnoreCase)]
    private static partial Regex BeforeNumber();
}
