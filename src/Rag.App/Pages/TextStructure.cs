using Rag.Ingestion;

namespace Rag.App.Pages;

/// <summary>
/// Blocks of a text from the chunks' units: what an answer may quote is known for what it is; the lines that stand
/// between chunks are headings, for chunks never cross one.
/// </summary>
internal static class TextStructure
{
    /// <returns>Pieces between <paramref name="from"/> and <paramref name="to"/> in order; together they hold every character there that is not blank.</returns>
    public static IReadOnlyList<TextPiece> Find(string text, IReadOnlyList<ChunkRow> chunks, int from, int to)
    {
        var pieces = new List<TextPiece>();
        int at = 0;
        long? page = null;
        foreach (var chunk in chunks)
        {
            int start = (int)Math.Min(chunk.SpanStart, text.Length), end = (int)Math.Min(chunk.SpanEnd, text.Length);
            if (start < at || end < start) continue;
            int before = pieces.Count;
            AddLines(pieces, text, at, start, chunk.HeadingPath);
            AddUnits(pieces, text, start, end, UnitCodec.Decode(chunk.Units, start));
            if (chunk.Page is { } p && p != page && pieces.Count > before) pieces[before] = pieces[before] with { Page = (int)p };
            page = chunk.Page ?? page;
            at = end;
        }
        AddLines(pieces, text, at, text.Length, chunks.Count == 0 ? null : "");
        return Clip(pieces, from, to);
    }

    private static void AddUnits(List<TextPiece> pieces, string text, int start, int end, IReadOnlyList<UnitSpan> units)
    {
        int at = start;
        foreach (var unit in units)
        {
            if (unit.Start < at || unit.End > end || unit.End <= unit.Start) continue;
            AddLines(pieces, text, at, unit.Start, null);
            var kind = unit.Kind switch
            {
                UnitKind.ListItem => PieceKind.ListItem,
                UnitKind.TableRow => PieceKind.TableRow,
                UnitKind.Code => PieceKind.Code,
                UnitKind.Heading => PieceKind.Heading,
                _ => PieceKind.Text,
            };
            // Sentences of a paragraph are one piece: nothing but a blank or a line's end stands between them.
            if (kind == PieceKind.Text && pieces.Count > 0 && pieces[^1] is { Kind: PieceKind.Text } previous && previous.Start >= start && SameParagraph(text, previous.End, unit.Start))
                pieces[^1] = previous with { End = unit.End };
            else
                pieces.Add(new(unit.Start, unit.End, kind, kind == PieceKind.Heading ? 2 : 0));
            at = unit.End;
        }
        AddLines(pieces, text, at, end, null);
    }

    private static bool SameParagraph(string text, int end, int start)
    {
        var between = text.AsSpan(end, start - end);
        return between.IsWhiteSpace() && between.Count('\n') <= 1;
    }

    /// <summary>What no unit covers. With a heading path its lines are headings, each as deep as it stands in the path; without, paragraphs.</summary>
    private static void AddLines(List<TextPiece> pieces, string text, int from, int to, string? headingPath)
    {
        string[] path = headingPath?.Split(Chunk.HeadingSeparator) ?? [];
        string separator = headingPath is null ? "\n\n" : "\n";
        for (int at = from; at < to;)
        {
            int next = text.IndexOf(separator, at, to - at, StringComparison.Ordinal);
            int lineEnd = next < 0 ? to : next;
            int start = at, end = lineEnd;
            while (start < end && char.IsWhiteSpace(text[start])) start++;
            while (end > start && char.IsWhiteSpace(text[end - 1])) end--;
            if (end > start)
            {
                int level = Array.IndexOf(path, text[start..end]) + 1;
                pieces.Add(headingPath is null ? new(start, end, PieceKind.Text) : new(start, end, PieceKind.Heading, level > 0 ? level : 2));
            }
            at = next < 0 ? to : next + separator.Length;
        }
    }

    private static List<TextPiece> Clip(List<TextPiece> pieces, int from, int to) =>
        pieces.Where(p => p.End > from && p.Start < to).Select(p => p with { Start = Math.Max(p.Start, from), End = Math.Min(p.End, to) }).ToList();
}
