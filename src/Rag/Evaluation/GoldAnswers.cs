using System.Text;

namespace Rag.Evaluation;

/// <summary>
/// Whether a gold answer stands in a text: case ignored, runs of white space taken for one blank. Looser than SQuAD's
/// exact match, for an answer here is whole sentences; no looser than that, so punctuation and articles count.
/// </summary>
internal static class GoldAnswers
{
    public static bool AnyIn(string text, IEnumerable<string> gold)
    {
        string folded = Fold(text);
        return gold.Select(Fold).Any(g => g.Length > 0 && folded.Contains(g, StringComparison.Ordinal));
    }

    private static string Fold(string text)
    {
        var folded = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (!char.IsWhiteSpace(c)) folded.Append(char.ToLowerInvariant(c));
            else if (folded.Length > 0 && folded[^1] != ' ') folded.Append(' ');
        }
        return folded.ToString().TrimEnd();
    }
}
