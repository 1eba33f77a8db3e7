using System.Globalization;
using System.Text;
using Lucene.Net.Analysis.TokenAttributes;
using Rag.Ingestion;

namespace Rag.Answering.Verification;

/// <summary>
/// Reads a text into tokens: words with their stems, numbers in digits and words with their units, dates, names, identifiers,
/// operators. Pure and bounded: at most <see cref="MaxTokens"/>, in time linear in the text.
/// </summary>
internal static class TokenReader
{
    /// <summary>What stands behind is not read, and supports nothing.</summary>
    public const int MaxTokens = 4_000;

    private const double NameWeight = 1.5, WordWeight = 1, LightWeight = 0.35, NumberWeight = 1.5, IdeographWeight = 0.5;

    public static List<Token> Read(string text, Lexicon lexicon)
    {
        var tokens = Scanner.Scan(text, lexicon.DecimalComma);
        Number(text, tokens);
        Stem(text, tokens, lexicon);
        MarkOperators(tokens, lexicon);
        QuantityReader.Join(tokens, lexicon);
        MarkKinds(tokens, lexicon);
        MarkClauses(tokens, lexicon);
        foreach (var token in tokens) token.Weight = WeightOf(token, lexicon);
        return tokens;
    }

    /// <summary>Small letters without accents, so that "Café" and "cafe" are one key.</summary>
    public static string Fold(string word)
    {
        string lower = word.ToLowerInvariant().Replace('’', '\'');
        if (System.Text.Ascii.IsValid(lower)) return lower;
        var folded = new StringBuilder(lower.Length);
        foreach (char c in lower.Replace("ß", "ss").Normalize(NormalizationForm.FormD))
            if (CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark) folded.Append(c);
        return folded.ToString().Normalize(NormalizationForm.FormC);
    }

    /// <summary>Gives every token its sentence, and marks the first of each.</summary>
    private static void Number(string text, List<Token> tokens)
    {
        int at = 0, sentence = 0;
        foreach (var (_, end) in SentenceSplitter.Split(text, 0, text.Length))
        {
            bool first = true;
            for (; at < tokens.Count && tokens[at].Start < end; at++)
            {
                tokens[at].Sentence = sentence;
                if (tokens[at].Kind == TokenKind.Boundary) continue;
                tokens[at].First = first;
                first = false;
            }
            sentence++;
        }
    }

    private static void Stem(string text, List<Token> tokens, Lexicon lexicon)
    {
        using var stream = lexicon.Analyzer.GetTokenStream("text", text);
        var term = stream.GetAttribute<ICharTermAttribute>();
        var offset = stream.GetAttribute<IOffsetAttribute>();
        stream.Reset();
        int at = 0;
        while (stream.IncrementToken())
        {
            while (at < tokens.Count && tokens[at].Start < offset.StartOffset) at++;
            if (at == tokens.Count) break;
            if (tokens[at].Start == offset.StartOffset && offset.EndOffset >= tokens[at].Start + tokens[at].Text.Length && tokens[at].Stem.Length == 0) tokens[at].Stem = term.ToString();
        }
        stream.End();
        foreach (var token in tokens)
            if (token.Stem.Length == 0) token.Stem = token.Key;
    }

    /// <summary>The longest operator at each place; "#" in one stands for a number that must follow.</summary>
    private static void MarkOperators(List<Token> tokens, Lexicon lexicon)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            if (token.Kind is not (TokenKind.Word or TokenKind.Boundary)) continue;
            foreach (var (words, op) in lexicon.OperatorsFrom(token.Key))
            {
                if (!Fits(tokens, i, words, lexicon) || IsNoOperator(tokens, i, words, op, lexicon)) continue;
                token.Kind = TokenKind.Operator;
                token.Operator = op;
                int length = words[^1] == "#" ? words.Length - 1 : words.Length;
                for (int w = 1; w < length; w++) tokens[i + w].Kind = TokenKind.Function;
                i += length - 1;
                break;
            }
        }
    }

    private static bool Fits(List<Token> tokens, int at, string[] words, Lexicon lexicon)
    {
        if (at + words.Length > tokens.Count) return false;
        for (int w = 1; w < words.Length; w++)
        {
            var token = tokens[at + w];
            if (words[w] == "#" ? !BeginsNumber(tokens, at + w, lexicon) : token.Key != words[w]) return false;
        }
        return true;
    }

    private static bool BeginsNumber(List<Token> tokens, int at, Lexicon lexicon)
    {
        var token = tokens[at];
        if (token.Kind is TokenKind.Number) return true;
        if (token.Text is "$" or "€" or "£" or "¥" && at + 1 < tokens.Count) return tokens[at + 1].Kind == TokenKind.Number;
        if (token.Key is "a" or "an" or "one" && at + 1 < tokens.Count) return lexicon.TryScale(tokens[at + 1].Key, out _) || (token.Key != "one" && tokens[at + 1].Key == "half");
        return token.Key is "half" or "two" || (lexicon.TryNumber(token.Key, out _) && token.Key != "one");
    }

    /// <summary>The month May, "not least", "No. 5", the answer "No", "whether or not", "at all".</summary>
    private static bool IsNoOperator(List<Token> tokens, int at, string[] words, Operator op, Lexicon lexicon)
    {
        var token = tokens[at];
        Token? next = at + words.Length < tokens.Count ? tokens[at + words.Length] : null;
        if (token.Key == "may" && token.Capital && !token.First) return true;
        if (token.Key == "may" && next?.Kind == TokenKind.Number) return true;
        if (op == Operator.Not && words.Length == 1)
        {
            if (next is { Key: "least" }) return true;
            if (token.Key == "no" && next is { Text: "." } && at + 2 < tokens.Count && tokens[at + 2].Kind == TokenKind.Number) return true;
            if (token.Key == "no" && next is null or { Kind: TokenKind.Boundary, Text: "," } && token.First) return true;
            if (at > 0 && tokens[at - 1].Key == "or" && at > 1 && tokens[at - 2].Key == "whether") return true;
            if (lexicon.CapitalsAreNames && token.Capital && !token.First) return true;
        }
        // "A few" is some; so is "quite a few".
        if (op == Operator.Few && token.Key == "few" && at > 0 && tokens[at - 1].Key is "a" or "the") return true;
        if (op == Operator.Can && token.Capital && !token.First) return true;
        // "At all", "after all", "above all".
        return token.Key == "all" && at > 0 && (tokens[at - 1].Key is "at" or "after" or "above");
    }

    private static void MarkKinds(List<Token> tokens, Lexicon lexicon)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            if (token.Kind != TokenKind.Word) continue;
            bool function = lexicon.IsFunction(token.Key);
            if (token.Capital && IsName(tokens, i, function, lexicon)) token.Kind = TokenKind.Name;
            else if (function) token.Kind = TokenKind.Function;
        }
    }

    private static bool IsName(List<Token> tokens, int i, bool function, Lexicon lexicon)
    {
        var token = tokens[i];
        bool allCapitals = token.Text.Length > 1 && token.Text.All(c => char.IsUpper(c) || !char.IsLetter(c));
        if (allCapitals) return !function || token.Text.Length == 2 && token.Text is "US" or "IT";
        if (!lexicon.CapitalsAreNames || function) return false;
        if (!token.First) return true;
        // At the beginning of a sentence a capital says little; a second one behind it says that a name begins.
        return i + 1 < tokens.Count && tokens[i + 1] is { Kind: TokenKind.Word or TokenKind.Name, Capital: true } next && !lexicon.IsFunction(next.Key) && !lexicon.IsLight(token.Stem);
    }

    private static void MarkClauses(List<Token> tokens, Lexicon lexicon)
    {
        int clause = 0, sentence = 0;
        foreach (var token in tokens)
        {
            if (token.Sentence != sentence || token.Kind == TokenKind.Boundary && token.Text is not ("\"" or "“" or "”" or "'" or "‘" or "’" or "$" or "€" or "-" or "*" or "`") || (token.Kind is TokenKind.Function or TokenKind.Operator && lexicon.EndsClause(token.Key))) clause++;
            sentence = token.Sentence;
            token.Clause = clause;
        }
    }

    private static double WeightOf(Token token, Lexicon lexicon) => token.Kind switch
    {
        TokenKind.Name or TokenKind.Identifier => NameWeight,
        TokenKind.Number or TokenKind.Date => NumberWeight,
        TokenKind.Word when Scanner.IsIdeograph(token.Text[0]) => IdeographWeight,
        TokenKind.Word => lexicon.IsLight(token.Stem) ? LightWeight : WordWeight,
        _ => 0,
    };
}
