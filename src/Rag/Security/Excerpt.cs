using System.Text;

namespace Rag.Security;

/// <summary>
/// A piece of what was sent, fit to be shown to people and kept: bounded, on one line, without control or unseen characters, and
/// with the signs replaced by which a program would find markup, an address or a look-up in it. Whoever reads an event must be
/// able to tell what it was, and nothing more must come of it.
/// </summary>
internal static class Excerpt
{
    public const int MaxChars = 160;

    public static string Of(string text)
    {
        var shown = new StringBuilder(MaxChars);
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= MaxChars - 1)
            {
                shown.Append('…');
                break;
            }
            int c = rune.Value;
            if (Rune.IsControl(rune) || Detection.HiddenMarks.IsInvisible(c) || c is 0x2028 or 0x2029) shown.Append('·');
            else shown.Append(c switch { '<' => "‹", '>' => "›", '$' => "＄", '`' => "ʼ", _ => rune.ToString() });
        }
        return shown.Replace("://", "[:]//").ToString();
    }
}
