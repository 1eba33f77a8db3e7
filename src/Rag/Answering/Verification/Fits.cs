namespace Rag.Answering.Verification;

/// <summary>How well one word or number stands for another: 1 is equal, 0 is something else.</summary>
internal static class Fits
{
    public const double Synonym = 0.8;
    private const double SameWordOtherForm = 0.85;
    private const int MinPrefix = 4;

    /// <summary>What a name's country, people and language differ by.</summary>
    private static readonly HashSet<string> NameEndings = new(StringComparer.Ordinal) { "", "n", "an", "ian", "s", "ns", "ans", "ians", "ese", "ish", "ic", "y", "a", "ia", "i", "is", "e", "es", "al" };

    /// <summary>"Religion" and "religious": a common beginning that is most of both. Names only with the endings of peoples.</summary>
    public static double Derived(Token claim, Token source)
    {
        int common = 0, max = Math.Min(claim.Key.Length, source.Key.Length);
        while (common < max && claim.Key[common] == source.Key[common]) common++;
        if (common < MinPrefix) return 0;
        if (claim.IsStrict || source.IsStrict)
        {
            if (claim.Kind is not (TokenKind.Name or TokenKind.Word) || source.Kind is not (TokenKind.Name or TokenKind.Word)) return 0;
            string left = claim.Key[common..], right = source.Key[common..];
            return NameEndings.Contains(left) && NameEndings.Contains(right) && (left.Length == 0 || right.Length == 0 || left[..1] != right[..1]) && left.Length + right.Length <= 4 ? 0.9 : 0;
        }
        int longer = Math.Max(claim.Key.Length, source.Key.Length);
        return common >= 5 && common >= 0.6 * longer ? SameWordOtherForm : common >= MinPrefix && common == max && longer - common <= 4 ? SameWordOtherForm : 0;
    }

    /// <summary>Numbers equal in value, sort and unit; dates of which the source says at least as much.</summary>
    public static double Quantity(IReadOnlyList<Token> claim, int index, IReadOnlyList<Token> source, int place)
    {
        Token c = claim[index], s = source[place];
        if (c.Kind == TokenKind.Date && s.Kind == TokenKind.Date) return c.Date.IsSaidBy(s.Date) ? 1 : 0;
        if (c.Kind == TokenKind.Date) return c.Date is { Month: null, Day: null } && s.Quantity.YearLike && c.Date.Year == s.Quantity.Value ? 1 : 0;
        if (s.Kind == TokenKind.Date) return c.Quantity.YearLike && s.Date.Year == c.Quantity.Value || (c.Quantity.Ordinal && s.Date.Day == c.Quantity.Value) ? 1 : 0;
        if (!c.Quantity.SameValue(s.Quantity) && !RoundsTo(claim, index, s.Quantity)) return 0;
        if (c.Quantity.Ordinal != s.Quantity.Ordinal) return 0;
        string unit = s.Quantity.Unit.Length > 0 ? s.Quantity.Unit : UnitBehind(source, place);
        if (c.Quantity.Unit == unit) return 1;
        if (unit.Length == 0) return c.Quantity.Unit.Length == 0 ? 1 : 0;
        if (c.Quantity.Unit.Length > 0) return 0;
        // A claim may name the unit once for two numbers.
        string claimed = UnitBehind(claim, index);
        return claimed == unit ? 1 : claimed.Length == 0 ? 0.9 : 0;
    }

    /// <summary>In "5 to 10 km" and "5 and 10 km" the first number has the unit of the second.</summary>
    private static string UnitBehind(IReadOnlyList<Token> tokens, int index)
    {
        for (int i = index + 1; i < tokens.Count && i <= index + 3; i++)
        {
            if (tokens[i].Kind == TokenKind.Number) return tokens[i].Quantity.Unit;
            if (tokens[i].Text is not ("-" or "–" or "," or "to" or "and" or "or" or "bis" or "à" or "et" or "und" or "y" or "a")) return "";
        }
        return "";
    }

    /// <summary>"About 3 million" stands for 2,987,654: rounded to as many digits as the claim has.</summary>
    private static bool RoundsTo(IReadOnlyList<Token> claim, int index, Quantity source)
    {
        if (index == 0 || !(claim[index - 1].Operator == Operator.About || (index > 1 && claim[index - 2].Operator == Operator.About))) return false;
        decimal value = claim[index].Quantity.Value;
        if (value == 0 || source.Value == 0) return false;
        decimal step = 1;
        while (value % (step * 10) == 0 && step < 1_000_000_000_000m) step *= 10;
        while (value % step != 0 && step > 0.000001m) step /= 10;
        return Math.Abs(source.Value - value) <= step / 2 && Math.Abs(source.Value - value) <= 0.1m * Math.Abs(value);
    }

    /// <summary>NATO for the names that begin so, and the names for NATO.</summary>
    public static IEnumerable<int> Acronym(IReadOnlyList<Token> claim, int index, CitedText source)
    {
        var token = claim[index];
        if (token.Kind is not TokenKind.Name) yield break;
        if (IsAcronym(token))
        {
            for (int i = 0; i < source.Tokens.Count; i++)
                if (source.Tokens[i].Capital && source.Tokens[i].Key[0] == token.Key[0] && Spells(source.Tokens, i, token.Key)) yield return i;
            yield break;
        }
        // The claim's run of names, spelt out.
        int from = index;
        while (from > 0 && (claim[from - 1].Kind == TokenKind.Name || claim[from - 1].Key is "of" or "the" or "for" or "and" && from > 1 && claim[from - 2].Kind == TokenKind.Name)) from--;
        for (int place = 0; place < source.Tokens.Count; place++)
            if (source.Tokens[place] is { Kind: TokenKind.Name } s && IsAcronym(s))
                for (int begin = from; begin <= index; begin++)
                    if (claim[begin].Kind == TokenKind.Name && Spells(claim, begin, s.Key, out int end) && index < end)
                    {
                        yield return place;
                        break;
                    }
    }

    private static bool IsAcronym(Token token) => token.Text.Length is >= 2 and <= 6 && token.Text.All(char.IsUpper);

    private static bool Spells(IReadOnlyList<Token> tokens, int at, string letters) => Spells(tokens, at, letters, out _);

    private static bool Spells(IReadOnlyList<Token> tokens, int at, string letters, out int end)
    {
        int letter = 0;
        for (end = at; end < tokens.Count && letter < letters.Length; end++)
        {
            var token = tokens[end];
            if (token.Capital && token.Key[0] == letters[letter]) letter++;
            else if (token.Text == "-" || (token.Kind is TokenKind.Function && token.Key.Length <= 4 && letter > 0)) continue;
            else return false;
        }
        return letter == letters.Length;
    }
}
