using System.Globalization;

namespace Rag.Answering.Verification;

/// <summary>Numbers and dates in the forms that people write, joined from their words.</summary>
internal static class QuantityReader
{
    /// <summary>More than this is an identifier, equal or not: with a scale such as a trillion behind it, it still is a decimal.</summary>
    public const decimal MaxValue = 1_000_000_000_000_000m;

    /// <summary>A number in digits with separators; where a separator can mean two things, both readings.</summary>
    public static bool TryParse(string digits, bool decimalComma, out Quantity quantity)
    {
        quantity = default;
        string text = digits.Replace('−', '-').Replace("\u00a0", "").Replace("\u202f", "").Replace(" ", "").Replace("'", "").Replace("’", "");
        int points = text.Count('.'), commas = text.Count(',');
        if (points > 1 && commas > 1) return false;
        string first, second;
        if (points > 0 && commas > 0)
        {
            // The last of both stands before the decimals.
            first = second = text.LastIndexOf('.') > text.LastIndexOf(',') ? text.Replace(",", "") : text.Replace(".", "").Replace(',', '.');
        }
        else if (commas + points == 1)
        {
            int at = text.IndexOfAny([',', '.']);
            string apart = text.Remove(at, 1), fraction = apart.Insert(at, ".");
            bool thousands = text.Length - at - 1 == 3 && at is >= 1 and <= 4 && text[0] != '0';
            bool separates = commas == 1 ? !decimalComma : decimalComma;
            (first, second) = !thousands ? (fraction, fraction) : separates ? (apart, fraction) : (fraction, apart);
            // In English a point is never between thousands, nor a comma before three decimals.
            if (!decimalComma) second = first;
        }
        else if (commas + points > 1)
        {
            string[] parts = text.Split(',', '.');
            if (parts[0].Length is 0 or > 4 || parts.Skip(1).Any(p => p.Length is not (2 or 3)) || parts[^1].Length != 3) return false;
            first = second = text.Replace(",", "").Replace(".", "");
        }
        else first = second = text;
        if (!decimal.TryParse(first, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal value) || !decimal.TryParse(second, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal other)) return false;
        if (Math.Abs(value) > MaxValue || Math.Abs(other) > MaxValue) return false;
        quantity = new(value, other, false, false, "");
        return true;
    }

    /// <summary>2020-01-31, 31.01.2020, 31/1/2020.</summary>
    public static bool TryDate(string text, out CalendarDate date)
    {
        date = default;
        char separator = text.Contains('-') ? '-' : text.Contains('/') ? '/' : '.';
        string[] parts = text.Split(separator);
        if (parts.Length != 3 || !parts.All(p => p.Length is 1 or 2 or 4 && p.All(char.IsAsciiDigit))) return false;
        int[] n = [.. parts.Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
        if (parts[0].Length == 4 && n[1] is >= 1 and <= 12 && n[2] is >= 1 and <= 31) date = new(n[0], n[1], n[2]);
        else if (parts[2].Length == 4 && n[0] is > 12 and <= 31 && n[1] is >= 1 and <= 12) date = new(n[2], n[1], n[0]);
        else if (parts[2].Length == 4 && n[1] is > 12 and <= 31 && n[0] is >= 1 and <= 12) date = new(n[2], n[0], n[1]);
        else if (parts[2].Length == 4 && separator == '.' && n[0] is >= 1 and <= 31 && n[1] is >= 1 and <= 12) date = new(n[2], n[1], n[0]);
        else return false;
        return true;
    }

    /// <summary>Joins "two hundred", "3 million", "12 March 1999", "5 km" into the one token that they say.</summary>
    public static void Join(List<Token> tokens, Lexicon lexicon)
    {
        JoinWords(tokens, lexicon);
        JoinDates(tokens, lexicon);
        JoinUnits(tokens);
    }

    private static void JoinWords(List<Token> tokens, Lexicon lexicon)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            if (token.Kind == TokenKind.Word && lexicon.TryOrdinal(token.Key, out decimal ordinal))
            {
                // "Seconds" are a unit, and "one third" is a fraction.
                if (token.Key == "second" && i > 0 && tokens[i - 1] is { Kind: TokenKind.Number, Quantity.Ordinal: false } or { Key: "per" or "a" or "each" }) continue;
                Become(token, new(ordinal, ordinal, true, false, ""));
                continue;
            }
            bool begins = token.Kind == TokenKind.Number ? !token.Quantity.Ordinal && !token.Quantity.Decade && token.Quantity.Unit.Length == 0
                : token.Kind is TokenKind.Word or TokenKind.Function && (lexicon.TryNumber(token.Key, out _) || (token.Key == "a" && i + 1 < tokens.Count && lexicon.TryScale(tokens[i + 1].Key, out _)) || (lexicon.TryScale(token.Key, out _) && !token.Key.EndsWith('s')));
            if (!begins) continue;
            if (token.Key == "one" && IsPronoun(tokens, i, lexicon)) continue;
            var (value, end, ordinalAtEnd) = ReadWords(tokens, i, lexicon);
            if (end == i + 1 && token.Kind == TokenKind.Number) continue;
            Become(token, new(value, value, ordinalAtEnd, false, ""));
            tokens.RemoveRange(i + 1, end - i - 1);
        }
    }

    private static void Become(Token token, Quantity quantity)
    {
        token.Kind = TokenKind.Number;
        token.Quantity = quantity;
    }

    /// <summary>"One of them", "one can see", "the one that".</summary>
    private static bool IsPronoun(List<Token> tokens, int i, Lexicon lexicon)
    {
        if (i + 1 == tokens.Count) return true;
        var next = tokens[i + 1];
        if (next.Key is "hundred" or "thousand" or "million" or "billion" or "third" or "half" or "quarter") return false;
        return next.Kind is TokenKind.Function or TokenKind.Operator or TokenKind.Boundary || lexicon.IsFunction(next.Key) || (i > 0 && tokens[i - 1].Key is "no" or "any" or "every" or "the" or "this" or "that" or "each" or "another");
    }

    private static (decimal Value, int End, bool Ordinal) ReadWords(List<Token> tokens, int i, Lexicon lexicon)
    {
        decimal total = 0, current = 0;
        bool any = false, lastWasUnit = false;
        int end = i;
        while (end < tokens.Count && end - i < 16)
        {
            var token = tokens[end];
            if (token.Kind == TokenKind.Number && token.Quantity is { Ordinal: false, Decade: false, Unit.Length: 0 } && !any) (current, lastWasUnit) = (token.Quantity.Value, true);
            else if (token.Kind is TokenKind.Word or TokenKind.Function or TokenKind.Boundary)
            {
                if (any && token.Text == "-" && end + 1 < tokens.Count && (lexicon.TryNumber(tokens[end + 1].Key, out _) || lexicon.TryScale(tokens[end + 1].Key, out _) || lexicon.TryOrdinal(tokens[end + 1].Key, out _)))
                {
                    end++;
                    continue;
                }
                if (any && token.Key == "and" && end + 1 < tokens.Count && current % 100 == 0 && current > 0 && lexicon.TryNumber(tokens[end + 1].Key, out decimal after) && after is >= 1 and < 100)
                {
                    end++;
                    continue;
                }
                if (!any && token.Key == "a") current = 1;
                else if (lexicon.TryScale(token.Key, out decimal scale))
                {
                    if (scale == 100 && tokens[i].Kind != TokenKind.Number && current < 100) current = (any ? current : 1) * 100;
                    else
                    {
                        total += (any ? current : 1) * scale;
                        current = 0;
                    }
                    lastWasUnit = false;
                }
                else if (lexicon.TryNumber(token.Key, out decimal number))
                {
                    if (any && (lastWasUnit || number == 0.5m) && !(current % 100 >= 20 && current % 10 == 0 && number is >= 1 and < 10)) break;
                    current += number;
                    lastWasUnit = true;
                }
                else if (any && current % 10 == 0 && tokens[end - 1].Text == "-" && lexicon.TryOrdinal(token.Key, out decimal ordinal) && ordinal < 10) return (total + current + ordinal, end + 1, true);
                else break;
            }
            else break;
            any = true;
            end++;
        }
        while (end > i + 1 && tokens[end - 1].Kind is TokenKind.Boundary) end--;
        return (total + current, Math.Max(end, i + 1), false);
    }

    private static void JoinDates(List<Token> tokens, Lexicon lexicon)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Kind is not (TokenKind.Word or TokenKind.Name) || lexicon.Month(tokens[i].Key) is not { } month) continue;
            if (tokens[i].Key is "may" or "march" or "mar" or "mai" or "mars" or "sept" or "jun" or "dec" && !tokens[i].Capital) continue;
            int from = i, to = i + 1;
            int? day = null, year = null;
            if (to < tokens.Count && tokens[to].Text == ".") to++;
            // "12 March", "12th of March".
            int before = i - 1;
            if (before >= 0 && tokens[before].Key is "of" or "de" or ".") before--;
            if (before >= 0 && tokens[before] is { Kind: TokenKind.Number, Quantity: { Value: >= 1 and <= 31, Unit.Length: 0 } } dayBefore && decimal.IsInteger(dayBefore.Quantity.Value)) (day, from) = ((int)dayBefore.Quantity.Value, before);
            int next = to;
            if (day is null && next < tokens.Count && tokens[next] is { Kind: TokenKind.Number, Quantity: { Value: >= 1 and <= 31, Unit.Length: 0 } } dayAfter && decimal.IsInteger(dayAfter.Quantity.Value)) (day, to) = ((int)dayAfter.Quantity.Value, next + 1);
            next = to;
            while (next < tokens.Count && tokens[next].Text == "," || next < tokens.Count && tokens[next].Key is "of" or "de") next++;
            if (next < tokens.Count && next - to <= 1 && tokens[next] is { Kind: TokenKind.Number, Quantity.YearLike: true } yearToken) (year, to) = ((int)yearToken.Quantity.Value, next + 1);
            if (day is null && year is null && tokens[i] is { Capital: false } or { First: true } && tokens[i].Key.Length <= 3) continue;
            if (to > i + 1 && tokens[to - 1].Text == "." && day is null && year is null) to--;
            var whole = tokens[from];
            whole.Kind = TokenKind.Date;
            whole.Date = new(year, month, day);
            tokens.RemoveRange(from + 1, to - from - 1);
            i = from;
        }
    }

    private static void JoinUnits(List<Token> tokens)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            if (tokens[i] is not { Kind: TokenKind.Number } number) continue;
            if (number.Quantity.Unit.Length > 0)
            {
                JoinSpeed(tokens, i);
                continue;
            }
            if (i > 0 && tokens[i - 1].Text is "$" or "€" or "£" or "¥" or "₹")
            {
                number.Quantity = number.Quantity with { Unit = Units.Find(tokens[i - 1].Text, true)! };
                tokens.RemoveAt(--i);
                if (i > 0 && tokens[i - 1].Key is "us") tokens.RemoveAt(--i);
                continue;
            }
            if (number.Quantity.Ordinal) continue;
            int next = i + 1;
            if (next < tokens.Count && tokens[next].Text is "-" or "°") next++;
            if (next >= tokens.Count) continue;
            bool digits = char.IsAsciiDigit(number.Text[^1]);
            string key = tokens[next].Key, square = "";
            if (tokens[next - 1].Text == "°" && key is "c" or "f") key = "°" + key;
            if (key is "square" or "sq" && next + 1 < tokens.Count) (square, key, next) = ("2", tokens[next + 1].Key, next + 1);
            if ((key is "per" or "pour" or "por") && next + 1 < tokens.Count && tokens[next + 1].Key is "cent" or "ciento") (key, next) = ("%", next + 1);
            else if (key is "per" && next + 1 < tokens.Count && tokens[next + 1].Key is "mille" or "mill" or "mil") (key, next) = ("‰", next + 1);
            else if (key is "percentage" && next + 1 < tokens.Count && tokens[next + 1].Key is "point" or "points") next++;
            if (tokens[next].Kind is TokenKind.Operator or TokenKind.Number or TokenKind.Date || Units.Find(key, digits) is not { } unit) continue;
            number.Quantity = number.Quantity with { Unit = square.Length > 0 ? unit + square : unit };
            tokens.RemoveRange(i + 1, next - i);
            JoinSpeed(tokens, i);
        }
    }

    /// <summary>"5 km per hour", once "5 km" is one.</summary>
    private static void JoinSpeed(List<Token> tokens, int i)
    {
        if (i + 2 < tokens.Count && tokens[i].Quantity.Unit is "km" && tokens[i + 1].Key == "per" && tokens[i + 2].Key == "hour")
        {
            tokens[i].Quantity = tokens[i].Quantity with { Unit = "km/h" };
            tokens.RemoveRange(i + 1, 2);
        }
    }
}
