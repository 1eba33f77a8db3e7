using System.Text;

namespace Rag.Runbook;

/// <summary>
/// As much of the shell's grammar (POSIX.1-2024, Shell Command Language, 2.2 and 2.9) as the runbook uses: words, quotes,
/// and what separates commands. It finds which programs a text runs; the shell itself runs it.
/// </summary>
internal static class ShellText
{
    private static readonly string[] Separators = ["&&", "||", ";", "|", "&", "\n"];

    /// <summary>The simple commands of a text, each as its words without quotes; redirections are left out.</summary>
    /// <exception cref="FormatException">A quote is not closed.</exception>
    public static IReadOnlyList<IReadOnlyList<string>> Commands(string text)
    {
        var commands = new List<IReadOnlyList<string>>();
        var words = new List<string>();
        StringBuilder? word = null;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else if (c == '\\' && quote == '"' && i + 1 < text.Length && text[i + 1] is '"' or '\\' or '$' or '`') word!.Append(text[++i]);
                else word!.Append(c);
                continue;
            }
            if (c is '"' or '\'')
            {
                (quote, word) = (c, word ?? new());
                continue;
            }
            if (c == '\\' && i + 1 < text.Length)
            {
                // A line that goes on on the next.
                if (text[i + 1] != '\n') (word ??= new()).Append(text[i + 1]);
                i++;
                continue;
            }
            if (c == '$' && i + 1 < text.Length && text[i + 1] == '(')
            {
                int end = text.IndexOf(')', i);
                if (end < 0) throw new FormatException("A parenthesis is not closed.");
                (word ??= new()).Append(text, i, end + 1 - i);
                i = end;
                continue;
            }
            if (c is '<' or '>')
            {
                // The number of a stream before it, and the file after it, are no words.
                if (word is not null && word.ToString() is not ("1" or "2")) words.Add(word.ToString());
                word = null;
                while (i + 1 < text.Length && text[i + 1] is '>' or '&' or ' ') i++;
                while (i + 1 < text.Length && !char.IsWhiteSpace(text[i + 1]) && text[i + 1] is not (';' or '|' or '&')) i++;
                continue;
            }
            string? separator = Separators.FirstOrDefault(s => string.CompareOrdinal(text, i, s, 0, s.Length) == 0);
            if (separator is not null || char.IsWhiteSpace(c))
            {
                if (word is not null) words.Add(word.ToString());
                word = null;
                if (separator is null) continue;
                if (words.Count > 0) commands.Add(words);
                words = [];
                i += separator.Length - 1;
                continue;
            }
            (word ??= new()).Append(c);
        }
        if (quote != '\0') throw new FormatException("A quote is not closed.");
        if (word is not null) words.Add(word.ToString());
        if (words.Count > 0) commands.Add(words);
        return commands;
    }

    /// <summary>The programs that a text runs, the product under its own name.</summary>
    public static IEnumerable<string> Programs(string text) => Commands(text).Select(words => words[0] is "./rag" ? "rag" : words[0]).Distinct();

    /// <summary>Whether nothing but one simple command stands in a line: no separator, no redirection, no expansion.</summary>
    public static bool IsSimple(string line)
    {
        char quote = '\0';
        foreach (char c in line)
        {
            if (c is '$' or '`' or '\\' && quote != '\'') return false;
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
            }
            else if (c is '"' or '\'') quote = c;
            else if (c is ';' or '|' or '&' or '<' or '>' or '(' or ')' or '*' or '?' or '#') return false;
        }
        return quote == '\0';
    }
}
