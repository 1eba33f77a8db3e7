using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Rag.Ingestion;

namespace Rag.Answering.Verification;

internal enum ClaimKind : byte
{
    Sentence,
    ListItem,
    TableRow,
    Code,
    Heading,
}

/// <summary>A sentence of a model's text, as soon as it is whole.</summary>
/// <param name="Raw">What the model wrote, with the blanks before it; all claims' together are the model's text.</param>
/// <param name="Text">What it claims: without marks of citation, bullets and emphasis; empty where there is nothing to be true, as in a table's rule.</param>
/// <param name="Citations">The numbers that it cites as [n], in their order, each once.</param>
internal sealed record ModelClaim(string Raw, string Text, IReadOnlyList<int> Citations, ClaimKind Kind);

/// <summary>
/// Cuts a model's text into claims while it streams. However the text is cut into pieces, the claims are the same. A sentence is
/// given when what follows shows that it has ended; list items, table rows and headings end with their line, code with its fence.
/// Holds at most <see cref="MaxPendingChars"/>. Not thread-safe.
/// </summary>
internal sealed partial class ClaimSplitter
{
    /// <summary>A claim is cut when it grows to this; code too.</summary>
    public const int MaxPendingChars = 8_000;

    /// <summary>Numbers that one claim may cite, and the greatest of them.</summary>
    public const int MaxCitations = 20, MaxCitation = 999;

    /// <summary>So much of a line shows what kind of line it is.</summary>
    private const int LineStartChars = 8;

    private readonly StringBuilder _pending = new();
    private bool _inCode, _codeGoesOn;

    private bool _lineStart = true;

    /// <summary>Where the running text before this stands in a list item, what follows on the same line does too.</summary>
    private ClaimKind _kind = ClaimKind.Sentence;

    /// <summary>Takes a piece of text; gives the claims that it completes.</summary>
    public IReadOnlyList<ModelClaim> Append(ReadOnlySpan<char> piece)
    {
        var claims = new List<ModelClaim>();
        // Large pieces in parts, so that what is held is bounded.
        while (piece.Length > 0)
        {
            int take = Math.Min(piece.Length, Math.Max(1, MaxPendingChars - _pending.Length));
            _pending.Append(piece[..take]);
            piece = piece[take..];
            Drain(claims, final: false);
        }
        return claims;
    }

    /// <summary>The text is at its end; gives what is left.</summary>
    public IReadOnlyList<ModelClaim> Flush()
    {
        var claims = new List<ModelClaim>();
        Drain(claims, final: true);
        if (_pending.Length > 0) Emit(claims, _pending.Length, _inCode ? ClaimKind.Code : _kind);
        (_inCode, _codeGoesOn, _lineStart, _kind) = (false, false, true, ClaimKind.Sentence);
        return claims;
    }

    private void Drain(List<ModelClaim> claims, bool final)
    {
        while (_pending.Length > 0)
        {
            string text = _pending.ToString();
            int end = _inCode ? EndOfCode(text, final) : EndOfClaim(text, final, out _kind);
            bool cut = end < 0 && text.Length >= MaxPendingChars;
            if (cut) end = char.IsHighSurrogate(text[^1]) ? text.Length - 1 : text.Length;
            if (end <= 0) return;
            Emit(claims, end, _inCode ? ClaimKind.Code : _kind);
            // Code that was cut is code still.
            _codeGoesOn = _inCode &= cut;
        }
    }

    private int EndOfCode(string text, bool final)
    {
        int at = 0;
        if (!_codeGoesOn)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            at = text.IndexOf('\n', at) + 1;
            if (at == 0) return final ? text.Length : -1;
        }
        while (at < text.Length)
        {
            int next = text.IndexOf('\n', at);
            if ((next >= 0 || final) && (next < 0 ? text[at..] : text[at..next]).Trim() is "```" or "~~~") return next < 0 ? text.Length : next + 1;
            if (next < 0) break;
            at = next + 1;
        }
        return final ? text.Length : -1;
    }

    /// <summary>The end of the first claim of the text; -1 where more must be seen.</summary>
    private int EndOfClaim(string text, bool final, out ClaimKind kind)
    {
        kind = _kind;
        int start = 0;
        while (start < text.Length && char.IsWhiteSpace(text[start])) start++;
        if (start == text.Length) return -1;
        bool atLineStart = start == 0 ? _lineStart : _lineStart || text.AsSpan(0, start).Contains('\n');
        int lineEnd = text.IndexOf('\n', start);
        if (atLineStart)
        {
            if (lineEnd < 0 && text.Length - start < LineStartChars && !final) return -1;
            string line = lineEnd < 0 ? text[start..] : text[start..lineEnd];
            if (Fence().IsMatch(line))
            {
                _inCode = true;
                return EndOfCode(text, final);
            }
            kind = Heading().IsMatch(line) ? ClaimKind.Heading : line[0] == '|' ? ClaimKind.TableRow : ListItem().IsMatch(line) ? ClaimKind.ListItem : ClaimKind.Sentence;
            if (kind is ClaimKind.Heading or ClaimKind.TableRow) return lineEnd >= 0 ? lineEnd + 1 : final ? text.Length : -1;
        }
        // Running text goes on over single line ends, until a line of another kind begins.
        int block = EndOfBlock(text, start, final, out bool blockSeen);
        int from = kind == ClaimKind.ListItem && atLineStart ? start + ListItem().Match(text[start..Math.Min(text.Length, start + 12)]).Length : start;
        foreach (var (_, end) in SentenceSplitter.Split(text, Math.Min(from, block), block))
        {
            int after = SkipMarks(text, end, block, out bool open);
            if (!open) return after;
            return blockSeen ? block : -1;
        }
        return blockSeen ? block : -1;
    }

    /// <summary>Where the paragraph or list item ends; the text's end, and not seen, where that is not known yet.</summary>
    private static int EndOfBlock(string text, int start, bool final, out bool seen)
    {
        int line = text.IndexOf('\n', start);
        while (line >= 0)
        {
            int next = line + 1;
            while (next < text.Length && text[next] is ' ' or '\t' or '\r') next++;
            if (next < text.Length && text[next] == '\n')
            {
                seen = true;
                return next + 1;
            }
            int lineEnd = text.IndexOf('\n', Math.Min(next, text.Length));
            if (lineEnd < 0 && text.Length - next < LineStartChars && !final)
            {
                // The next line may yet turn out to be of another kind.
                seen = false;
                return line;
            }
            string following = lineEnd < 0 ? text[next..] : text[next..lineEnd];
            if (following.Length > 0 && (Fence().IsMatch(following) || Heading().IsMatch(following) || following[0] == '|' || ListItem().IsMatch(following)))
            {
                seen = true;
                return line + 1;
            }
            line = lineEnd;
        }
        seen = final;
        return text.Length;
    }

    /// <summary>Marks of citation behind a sentence belong to it: "It is so. [1]". Open where nothing else has come behind it yet.</summary>
    private static int SkipMarks(string text, int at, int end, out bool open)
    {
        int after = at;
        while (true)
        {
            int next = after;
            while (next < end && char.IsWhiteSpace(text[next])) next++;
            open = next >= end;
            if (open || text[next] != '[' || text.AsSpan(after, next - after).Contains('\n')) return after;
            int close = next + 1;
            while (close < end && close - next < 40 && text[close] is not (']' or '\n')) close++;
            open = close >= end;
            if (open || !Mark().IsMatch(text[next..(close + 1)])) return after;
            after = close + 1;
        }
    }

    private void Emit(List<ModelClaim> claims, int length, ClaimKind kind)
    {
        string raw = _pending.ToString(0, length);
        _pending.Remove(0, length);
        _lineStart = raw.EndsWith('\n');
        if (_lineStart) _kind = ClaimKind.Sentence;
        var citations = new List<int>();
        string text = raw;
        if (kind != ClaimKind.Code)
        {
            foreach (Match mark in Marks().Matches(raw)) Cite(mark.Groups[1].Value, citations);
            text = Marks().Replace(raw, "");
            text = kind == ClaimKind.Heading ? text.Trim().TrimStart('#').Trim() : kind == ClaimKind.ListItem ? ListItem().Replace(text.TrimStart(), "", 1) : kind == ClaimKind.TableRow ? text.Trim().Trim('|').Replace("|", ", ") : text;
            text = Blanks().Replace(Emphasis().Replace(text, "$2"), " ").Trim();
            text = BlankBeforeStop().Replace(text, "$1");
        }
        else text = string.Join('\n', raw.Trim().Split('\n').Where(l => !Fence().IsMatch(l.TrimStart())));
        claims.Add(new(raw, text.Any(char.IsLetterOrDigit) ? text : "", citations, kind));
    }

    private static void Cite(string numbers, List<int> citations)
    {
        foreach (string part in numbers.Split(',', ';'))
        {
            string[] ends = part.Split('-', '–');
            if (!int.TryParse(ends[0].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int from) || !int.TryParse(ends[^1].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int to)) continue;
            for (int n = from; n <= to && n <= MaxCitation && citations.Count < MaxCitations; n++)
                if (!citations.Contains(n)) citations.Add(n);
        }
    }

    [GeneratedRegex(@"\s?\[(\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,19})\]", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Marks();

    [GeneratedRegex(@"^\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,19}\]$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Mark();

    [GeneratedRegex(@"^(?:```|~~~)", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^#{1,6}\s", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^(?:[-*+•]|\d{1,3}[.)])\s+", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex ListItem();

    [GeneratedRegex(@"(\*\*|__|\*)(?=\S)([^*\n]{1,500}?)(?<=\S)\1", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Emphasis();

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Blanks();

    [GeneratedRegex(@"\s([.,;:!?])(?=\s|$)", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex BlankBeforeStop();
}
