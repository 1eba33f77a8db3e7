using System.Globalization;
using System.Text.RegularExpressions;

namespace Rag.Testing.Claims;

/// <summary>What a model makes of a true sentence without making it less true.</summary>
public static partial class TrueClaims
{
    public static readonly IReadOnlyList<string> Kinds = ["verbatim", "shortened", "reordered", "pronoun", "rewritten", "joined", "answer"];

    /// <summary>All the true claims that rules make of a sentence, each of its own kind.</summary>
    public static IEnumerable<ClaimCase> Of(SourceSentence s)
    {
        yield return Make("verbatim", s, s.Text);
        if (Shorten(s.Text) is { } shorter) yield return Make("shortened", s, shorter);
        if (Reorder(s.Text) is { } reordered) yield return Make("reordered", s, reordered);
        if (Resolve(s) is { } resolved) yield return Make("pronoun", s, resolved);
        if (Rewrite(s.Text) is { } rewritten) yield return Make("rewritten", s, rewritten);
        if (s.After.Count > 0 && s.After[0].EndsWith('.') && s.Text.Length + s.After[0].Length < 400 && LowerFirst().IsMatch(s.After[0]) && !s.Text.Contains('"') && !s.After[0].Contains('"'))
            yield return new("joined", "", $"{s.Text[..^1]}, and {Lowered(s.After[0])}", [string.Join(' ', [.. s.Before, s.Text]), string.Join(' ', s.After)], true, s.Source);
    }

    /// <summary>A question and its answer as one sentence; null where the rules cannot make one.</summary>
    public static ClaimCase? Of(AnsweredQuestion q)
    {
        string answer = q.Answer.Trim().TrimEnd('.', ','), question = q.Question.Trim().TrimEnd('?', ' ', '.');
        if (answer.Split(' ').Length > 8 || question.Split(' ').Length is < 4 or > 22) return null;
        string? statement = null;
        if (EndsInWhat().Match(question) is { Success: true } open && !question.StartsWith("What", StringComparison.OrdinalIgnoreCase)) statement = $"{open.Groups[1].Value} {answer}";
        else if (Copula().Match(question) is { Success: true } copula && !EndsInPreposition().IsMatch(question)) statement = $"{copula.Groups[2].Value} {copula.Groups[1].Value.ToLowerInvariant()} {answer}";
        else if (Subject().Match(question) is { Success: true } subject) statement = $"{answer} {subject.Groups[1].Value}";
        else if (HowMany().Match(question) is { Success: true } many && char.IsAsciiDigit(answer[0]) && !AuxiliaryInside().IsMatch(many.Groups[1].Value)) statement = $"{answer}{(answer.Contains(many.Groups[1].Value.Split(' ')[0], StringComparison.OrdinalIgnoreCase) ? "" : " " + many.Groups[1].Value)}";
        return statement is null ? null : new("answer", "", Capitalized(statement) + ".", [q.Sentence.Chunk], true, q.Sentence.Source, q.Answer);
    }

    private static ClaimCase Make(string kind, SourceSentence s, string claim) => new(kind, "", claim, [s.Chunk], true, s.Source);

    private static string? Shorten(string text)
    {
        string shorter = Parenthesis().Replace(text, "");
        shorter = Relative().Replace(shorter, " ");
        string without = LeadingPhrase().Replace(shorter, "");
        if (without != shorter) shorter = Capitalized(without);
        shorter = TrailingClause().Replace(shorter, ".");
        return shorter != text && shorter.Split(' ').Length >= 5 ? shorter : null;
    }

    private static string? Reorder(string text)
    {
        if (LeadingPhrase().Match(text) is { Success: true } lead && !text[lead.Length..].Contains(';') && !text[lead.Length..].Contains(','))
            return Capitalized(text[lead.Length..].TrimEnd('.')) + " " + Lowered(lead.Value.TrimEnd(' ', ',')) + ".";
        if (TrailingYear().Match(text) is { Success: true } trail && !text.Contains(','))
            return $"{Capitalized(trail.Value.Trim().TrimEnd('.'))}, {Lowered(text[..trail.Index])}.";
        return null;
    }

    /// <summary>"He" is the name with which the sentence before begins.</summary>
    private static string? Resolve(SourceSentence s)
    {
        if (s.Before.Count == 0 || Pronoun().Match(s.Text) is not { Success: true } pronoun || LeadingName().Match(s.Before[^1]) is not { Success: true } name) return null;
        bool owner = pronoun.Groups[1].Value is "His" or "Her" or "Its" or "Their";
        bool many = pronoun.Groups[1].Value is "They" or "Their";
        if (many != name.Groups[1].Value.EndsWith('s')) return null;
        return $"{name.Groups[1].Value}{(owner ? many ? "'" : "'s" : "")} {s.Text[pronoun.Length..]}";
    }

    /// <summary>Numbers, units and dates in another form.</summary>
    private static string? Rewrite(string text)
    {
        string other = SmallNumber().Replace(text, m => Words[int.Parse(m.Value, CultureInfo.InvariantCulture)]);
        if (other == text) other = NumberWord().Replace(text, m => Array.IndexOf(Words, m.Value).ToString(CultureInfo.InvariantCulture));
        other = Thousands().Replace(other, m => m.Value.Replace(",", ""));
        other = PercentSign().Replace(other, "$1 percent");
        other = MonthDay().Replace(other, "$2 $1 $3");
        other = UnitShort().Replace(other, m => $"{m.Groups[1].Value} {LongUnits[m.Groups[2].Value]}");
        other = Approximately().Replace(other, "about");
        return other == text ? null : other;
    }

    private static readonly string[] Words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

    private static readonly Dictionary<string, string> LongUnits = new() { ["km"] = "kilometres", ["m"] = "metres", ["kg"] = "kilograms", ["mi"] = "miles", ["MB"] = "megabytes", ["GB"] = "gigabytes", ["ms"] = "milliseconds", ["ft"] = "feet" };

    public static string Capitalized(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    /// <summary>Names keep their capital.</summary>
    public static string Lowered(string text) => LowerFirst().IsMatch(text) ? char.ToLowerInvariant(text[0]) + text[1..] : text;

    [GeneratedRegex(@"^(The|A|An|In|On|At|By|For|From|With|This|That|These|Those|It|They|He|She|We|You|If|When|While|As|After|Before|During|Since|There|Its|Their|His|Her|Some|Many|Most|All|Each|Both|However|Because|Until|To|Of|Under|Over|Between|Among|Through|Although)\b")]
    private static partial Regex LowerFirst();

    [GeneratedRegex(@"^(.+\S) (?:what|who|whom|where)$", RegexOptions.IgnoreCase)]
    private static partial Regex EndsInWhat();

    [GeneratedRegex(@"^(?:What|Who) (is|are|was|were) ((?:the|a|an|[A-Z][\w'-]+) .+)$")]
    private static partial Regex Copula();

    [GeneratedRegex(@"\b(of|in|on|at|by|for|from|with|to|as|into|about|like|called|known|named|considered|used|made|doing|able)$")]
    private static partial Regex EndsInPreposition();

    [GeneratedRegex(@"^Who ((?!did|do|does|was|were|is|are|has|had|have|can|could|would|will|should|else)[a-z]+ .+)$")]
    private static partial Regex Subject();

    [GeneratedRegex(@"^How many (.+)$")]
    private static partial Regex HowMany();

    [GeneratedRegex(@"\b(did|do|does|was|were|is|are|has|had|have|can|could|would|will)\b")]
    private static partial Regex AuxiliaryInside();

    [GeneratedRegex(@"\s*\([^()]*\)")]
    private static partial Regex Parenthesis();

    [GeneratedRegex(@", (?:which|who|whose|where) [^,]{3,80},\s")]
    private static partial Regex Relative();

    [GeneratedRegex(@"^(?:In|During|By|On|At|For|From)(?: (?!this|that|these|those|such|short|example|instance|case|cases|order|addition|contrast|fact|particular|general|other|which|the contrary|now|reason|means|there|it|many|most|some|all)[\w'’-]+){1,4}, ")]
    private static partial Regex LeadingPhrase();

    [GeneratedRegex(@", (?:and|while|which|with|including|making|leading|because|where|such as) [^,;]{5,120}\.$")]
    private static partial Regex TrailingClause();

    [GeneratedRegex(@" in \d{4}\.$")]
    private static partial Regex TrailingYear();

    [GeneratedRegex(@"^(He|She|It|They|His|Her|Its|Their) ")]
    private static partial Regex Pronoun();

    [GeneratedRegex(@"^((?:The )?(?!The|In|On|At|By|For|From|With|This|That|These|Those|It|They|He|She|We|You|If|When|While|As|After|Before|During|Since|There|Its|Their|His|Her|Some|Many|Most|All|Each|Both|However|Because|Until|To|Of|Under|Over|Between|Among|Through|Although)[A-Z][\w-]+(?: [A-Z][\w-]+)*) (?:was|were|is|are|had|has|have|[a-z]+ed)\b")]
    private static partial Regex LeadingName();

    [GeneratedRegex(@"(?<![\w.,:/$€£-])(?:[2-9]|1[0-2])(?![\w.,:/%-])(?= [a-z])")]
    private static partial Regex SmallNumber();

    [GeneratedRegex(@"(?<=[a-z] )(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?= [a-z])")]
    private static partial Regex NumberWord();

    [GeneratedRegex(@"\b\d{1,3}(?:,\d{3})+\b")]
    private static partial Regex Thousands();

    [GeneratedRegex(@"(\d)%")]
    private static partial Regex PercentSign();

    [GeneratedRegex(@"\b(January|February|March|April|May|June|July|August|September|October|November|December) (\d{1,2}), (\d{4})\b")]
    private static partial Regex MonthDay();

    [GeneratedRegex(@"\b(\d[\d,.]*) (km|m|kg|mi|MB|GB|ms|ft)\b")]
    private static partial Regex UnitShort();

    [GeneratedRegex(@"\bapproximately\b")]
    private static partial Regex Approximately();
}
