using System.Globalization;
using System.Text.RegularExpressions;

namespace Rag.Answering.Verification;

internal sealed record Claim(string Text, IReadOnlyList<int> Cites);

internal sealed class ClaimSplitter
{
    private string _text = "";

    public IEnumerable<Claim> Take(string piece)
    {
        _text += piece;
        while (Regex.Match(_text, @"^\s*(.+?[.!?])((?:\s*\[\d+\])*)\s+(?=[^\s\[])|^\s*(.+?)((?:\s*\[\d+\])+)[.!?]?\s+(?=[^\s\[])", RegexOptions.Singleline) is { Success: true } m)
        {
            _text = _text[m.Length..];
            yield return Of(m.Value);
        }
    }

    public IEnumerable<Claim> End()
    {
        if (_text.Trim().Length > 0) yield return Of(_text);
        _text = "";
    }

    private static Claim Of(string s) => new(Regex.Replace(s, @"\s*\[\d+\]", "").Trim(), [.. Regex.Matches(s, @"\[(\d+)\]").Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))]);
}
