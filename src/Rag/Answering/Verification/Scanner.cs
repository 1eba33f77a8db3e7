using System.Globalization;

namespace Rag.Answering.Verification;

/// <summary>Cuts a text into words, numbers, identifiers and signs, by its characters alone.</summary>
internal static class Scanner
{
    private const int MaxWordChars = 200;

    public static List<Token> Scan(string text, bool decimalComma)
    {
        var tokens = new List<Token>(Math.Min(text.Length / 4 + 8, TokenReader.MaxTokens));
        int i = 0;
        while (i < text.Length && tokens.Count < TokenReader.MaxTokens)
        {
            char c = text[i];
            if (char.IsWhiteSpace(c))
            {
                i++;
                continue;
            }
            int start = i;
            if (char.IsAsciiDigit(c) || (c is '-' or '−' or '.' && StartsWord(text, i) && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1]))) i = ReadNumber(text, i, tokens, decimalComma);
            else if (IsIdeograph(c)) Add(tokens, text, start, ++i, TokenKind.Word);
            else if (char.IsLetterOrDigit(c) || char.IsHighSurrogate(c)) i = ReadWord(text, i, tokens);
            else if (c is '-' or '/' or '@' or '_' && StartsWord(text, i) && i + 1 < text.Length && (char.IsLetter(text[i + 1]) || (c == '-' && text[i + 1] == '-'))) i = ReadIdentifier(text, i, tokens);
            else Add(tokens, text, start, ++i, TokenKind.Boundary);
        }
        return tokens;
    }

    /// <summary>Scripts that put no blanks between words.</summary>
    public static bool IsIdeograph(char c) => c is >= '\u3040' and <= '\u30ff' or >= '\u3400' and <= '\u9fff' or >= '\uf900' and <= '\ufaff' or >= '\u0e00' and <= '\u0e7f';

    private static bool StartsWord(string text, int i) => i == 0 || char.IsWhiteSpace(text[i - 1]) || text[i - 1] is '(' or '"' or '“' or '`' or '\'' or '[' or '=';

    private static Token Add(List<Token> tokens, string text, int start, int end, TokenKind kind)
    {
        string word = text[start..end];
        var token = new Token { Text = word, Key = TokenReader.Fold(word), Kind = kind, Start = start, Capital = char.IsUpper(word[0]) };
        tokens.Add(token);
        return token;
    }

    private static int ReadWord(string text, int start, List<Token> tokens)
    {
        int i = start;
        bool identifier = false, digits = false, inner = false;
        while (i < text.Length && i - start < MaxWordChars)
        {
            char c = text[i];
            if (IsIdeograph(c)) break;
            if (char.IsLetterOrDigit(c) || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.Surrogate)
            {
                digits |= char.IsAsciiDigit(c);
                // camelCase; McDonald is no identifier.
                inner |= i > start && char.IsUpper(c) && char.IsLower(text[i - 1]) && char.IsLower(text[start]);
                i++;
                continue;
            }
            bool letterAfter = i + 1 < text.Length && char.IsLetterOrDigit(text[i + 1]);
            if (c is '\'' or '’' && letterAfter && char.IsLetter(text[i + 1]))
            {
                // "n't" is a word of its own; "'s" says only whose.
                if (i + 2 <= text.Length && text[i + 1] is 't' && (i + 2 == text.Length || !char.IsLetter(text[i + 2])) && i > start && text[i - 1] is 'n' or 'N')
                {
                    bool cannot = string.Equals(text[start..i], "can", StringComparison.OrdinalIgnoreCase);
                    if (i - 1 > start) Add(tokens, text, start, cannot ? i : i - 1, TokenKind.Word);
                    tokens.Add(new Token { Text = "n't", Key = "n't", Kind = TokenKind.Word, Start = i - 1 });
                    return i + 2;
                }
                if (text[i + 1] is 's' && (i + 2 == text.Length || !char.IsLetterOrDigit(text[i + 2])))
                {
                    Finish(i);
                    return i + 2;
                }
                // Elision, as in l'eau; O'Neill is one word.
                if (i - start <= 2 && char.IsLower(text[start]))
                {
                    Add(tokens, text, start, i, TokenKind.Word);
                    return i + 1;
                }
                i++;
                continue;
            }
            if (c == '_' || (c == '.' && letterAfter && (IsDotted(text, start, i) || char.IsLower(text[i + 1]) && !char.IsUpper(text[start]) || char.IsAsciiDigit(text[i + 1]))) || (c is ':' or '/' && i + 2 < text.Length && text[i + 1] == '/') || (c == '@' && letterAfter))
            {
                identifier = true;
                i++;
                while (i < text.Length && text[i] == '/') i++;
                continue;
            }
            if (c is '/' or '=' or '-' && identifier && letterAfter)
            {
                i++;
                continue;
            }
            // The last full stop of an abbreviation written with them.
            if (c == '.' && IsDotted(text, start, i) && i - start > 1)
            {
                i++;
                Finish(i);
                return i;
            }
            break;
        }
        Finish(i);
        return i;

        void Finish(int end)
        {
            string word = text[start..end];
            bool dotted = word.Contains('.') && word.Split('.').All(p => p.Length <= 2);
            if (dotted && !digits)
            {
                string plain = word.Replace(".", "");
                tokens.Add(new Token { Text = plain, Key = TokenReader.Fold(plain), Kind = TokenKind.Word, Start = start, Capital = char.IsUpper(plain[0]) });
            }
            else Add(tokens, text, start, end, identifier || inner || digits ? TokenKind.Identifier : TokenKind.Word);
        }
    }

    /// <summary>Single letters with full stops so far: U.S., e.g.</summary>
    private static bool IsDotted(string text, int start, int dot)
    {
        for (int k = start; k < dot; k++)
            if ((k - start) % 2 == 0 ? !char.IsLetter(text[k]) : text[k] != '.') return false;
        return (dot - start) % 2 == 1 && (dot - start > 1 || dot + 2 < text.Length && text[dot + 2] == '.');
    }

    private static int ReadIdentifier(string text, int start, List<Token> tokens)
    {
        int i = start + 1;
        while (i < text.Length && i - start < MaxWordChars && (char.IsLetterOrDigit(text[i]) || text[i] is '-' or '_' or '/' or '.' or ':' or '@')) i++;
        while (i > start + 1 && text[i - 1] is '.' or ':' or '-' or '/') i--;
        Add(tokens, text, start, i, TokenKind.Identifier);
        return i;
    }

    private static int ReadNumber(string text, int start, List<Token> tokens, bool decimalComma)
    {
        int i = start;
        if (text[i] is '-' or '−') i++;
        int digitsFrom = i;
        int groups = 0;
        while (i < text.Length)
        {
            if (char.IsAsciiDigit(text[i])) i++;
            else if (text[i] is '.' or ',' or '\'' or '’' && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1])) (i, groups) = (i + 1, groups + 1);
            else if (text[i] is '\u00a0' or '\u202f' or ' ' && i - digitsFrom <= 3 + 4 * groups && IsGroupOfThree(text, i + 1) && (text[i] != ' ' || i - digitsFrom <= 3)) (i, groups) = (i + 4, groups + 1);
            else break;
        }
        // 12:30, 3/4, 2020-01-31, 1.2.3, 3D: read whole.
        int whole = i;
        while (whole < text.Length && whole - start < MaxWordChars && (char.IsAsciiLetterOrDigit(text[whole]) || (text[whole] is ':' or '/' or '-' or '.' or '_' && whole + 1 < text.Length && char.IsAsciiDigit(text[whole + 1])))) whole++;
        string plain = text[start..i], all = text[start..whole];
        if (QuantityReader.TryDate(all, out var date))
        {
            Add(tokens, text, start, whole, TokenKind.Date).Date = date;
            return whole;
        }
        // A range is two numbers: 10-20, 1914/1918.
        if (whole > i && text[i] is '-' && plain.Length > 0 && QuantityReader.TryParse(plain, decimalComma, out var from))
        {
            Add(tokens, text, start, i, TokenKind.Number).Quantity = from;
            Add(tokens, text, i, i + 1, TokenKind.Boundary);
            return i + 1;
        }
        string suffix = text[i..whole];
        if (QuantityReader.TryParse(plain, decimalComma, out var value))
        {
            string key = TokenReader.Fold(suffix);
            if (suffix.Length == 0 || key is "st" or "nd" or "rd" or "th" or "er" or "e" or "ème" or "eme" or "º" or "ª")
            {
                Add(tokens, text, start, whole, TokenKind.Number).Quantity = value with { Ordinal = suffix.Length > 0 };
                return whole;
            }
            if (key == "s" && value.Value is >= 10 and <= 2100 && value.Value % 10 == 0)
            {
                Add(tokens, text, start, whole, TokenKind.Number).Quantity = value with { Decade = true };
                return whole;
            }
            decimal scale = suffix switch { "k" or "K" => 1_000, "M" => 1_000_000, "bn" or "B" => 1_000_000_000, _ => 0 };
            bool money = tokens.Count > 0 && tokens[^1].Text is "$" or "€" or "£" or "¥";
            if (scale != 0 && Math.Abs(value.Value) <= QuantityReader.MaxValue / scale && (money || suffix is "k" or "K" or "bn"))
            {
                Add(tokens, text, start, whole, TokenKind.Number).Quantity = value with { Value = value.Value * scale, Other = value.Value * scale };
                return whole;
            }
            if (Units.Find(key, digits: true) is { } unit)
            {
                Add(tokens, text, start, whole, TokenKind.Number).Quantity = value with { Unit = unit };
                return whole;
            }
        }
        Add(tokens, text, start, whole, TokenKind.Identifier);
        return whole;
    }

    private static bool IsGroupOfThree(string text, int i) =>
        i + 3 <= text.Length && char.IsAsciiDigit(text[i]) && char.IsAsciiDigit(text[i + 1]) && char.IsAsciiDigit(text[i + 2]) && (i + 3 == text.Length || !char.IsLetterOrDigit(text[i + 3]));
}
