using Rag.Foundation;
using Rag.Ingestion.Parsing;

namespace Rag.Ingestion;

/// <summary>Counts the embedding model's tokens in a text.</summary>
internal delegate int TokenCounter(ReadOnlySpan<char> text);

/// <summary>
/// Cuts a document into chunks of whole units that fit the embedding model together with the title and headings in
/// front: never across a heading, tables and code blocks whole where they fit.
/// </summary>
/// <param name="countTokens">Tokens of a text, special tokens not counted.</param>
/// <param name="maxTokens">The most that the model takes, special tokens not counted.</param>
internal sealed class Chunker(TokenCounter countTokens, int maxTokens)
{
    /// <summary>A long title or heading path may not crowd out the text: it gets a quarter at most.</summary>
    private readonly int _maxHeadTokens = maxTokens / 4;

    private readonly record struct Unit(UnitSpan Span, int Tokens, int Run);

    public IReadOnlyList<Chunk> Chunk(ParsedDocument document)
    {
        var chunks = new List<Chunk>();
        var headings = new List<(int Level, TextBlock Block)>();
        var section = new List<TextBlock>();
        foreach (var block in document.Blocks)
        {
            if (block.Kind != BlockKind.Heading)
            {
                section.Add(block);
                continue;
            }
            bool bare = section.Count == 0 && headings.Count > 0 && headings[^1].Level >= block.Level;
            Flush(bare);
            headings.RemoveAll(h => h.Level >= block.Level);
            headings.Add((block.Level, block));
        }
        Flush(bare: section.Count == 0 && headings.Count > 0);
        return chunks;

        void Flush(bool bare)
        {
            // A heading with nothing beneath it still says something: it becomes a unit of its own.
            if (bare) section.Add(headings[^1].Block);
            if (section.Count == 0) return;
            string path = string.Join(Ingestion.Chunk.HeadingSeparator, headings.Select(h => document.Text[h.Block.Start..h.Block.End]));
            Pack(document, path, section, chunks);
            section.Clear();
        }
    }

    private void Pack(ParsedDocument document, string path, List<TextBlock> section, List<Chunk> chunks)
    {
        string head = Ingestion.Chunk.SearchText(document.Title, path, "", "");
        int budget = maxTokens - Math.Min(_maxHeadTokens, countTokens(head));
        var units = section.SelectMany((block, run) => Units(document.Text, block, RunOf(section, run), budget)).ToList();
        var current = new List<Unit>();
        int used = 0, i = 0;
        int left = units.Sum(u => u.Tokens);
        int target = Target(left, budget);
        string context = "";
        while (i < units.Count)
        {
            int run = units[i].Run;
            int runEnd = i, runTokens = 0;
            while (runEnd < units.Count && units[runEnd].Run == run) runTokens += units[runEnd++].Tokens;
            bool whole = units[i].Span.Kind is UnitKind.TableRow or UnitKind.Code && runTokens <= budget;
            int header = i;
            for (; i < runEnd; i++)
            {
                bool startsWhole = whole && i == header && used + runTokens > budget;
                bool full = used + units[i].Tokens > budget || (!whole && used + units[i].Tokens / 2 >= target);
                if (current.Count > 0 && (startsWhole || full))
                {
                    Emit();
                    bool continuesTable = i > header && units[i].Span.Kind == UnitKind.TableRow;
                    context = continuesTable ? document.Text[units[header].Span.Start..units[header].Span.End] : "";
                    // A header row so long that it leaves no room for rows is no help.
                    int contextTokens = continuesTable ? units[header].Tokens : 0;
                    if (contextTokens > budget / 4) (context, contextTokens) = ("", 0);
                    used = contextTokens;
                    target = Target(left, budget);
                }
                current.Add(units[i]);
                used += units[i].Tokens;
                left -= units[i].Tokens;
            }
        }
        Emit();

        void Emit()
        {
            if (current.Count == 0) return;
            int start = current[0].Span.Start, end = current[^1].Span.End;
            string hash = Sha256.Hex(Ingestion.Chunk.SearchText(document.Title, path, context, document.Text.AsSpan(start, end - start)));
            chunks.Add(new(chunks.Count, start, end, path, context, current[0].Span.Page, current.ConvertAll(u => u.Span), hash));
            current.Clear();
            used = 0;
            context = "";
        }
    }

    /// <summary>
    /// Tokens at which the next cut falls: what is left, in equal parts. A section a little over the bound becomes two
    /// halves, not a whole and a scrap that says nothing on its own.
    /// </summary>
    private static int Target(int left, int budget)
    {
        int parts = Math.Max(1, (left + budget - 1) / budget);
        return (left + parts - 1) / parts;
    }

    /// <summary>The first block of the table or list that a block belongs to; itself where it stands alone.</summary>
    private static int RunOf(List<TextBlock> section, int index)
    {
        int group = section[index].Group;
        while (group > 0 && index > 0 && section[index - 1].Group == group) index--;
        return index;
    }

    private IEnumerable<Unit> Units(string text, TextBlock block, int run, int budget)
    {
        var kind = block.Kind switch
        {
            BlockKind.ListItem => UnitKind.ListItem,
            BlockKind.TableRow => UnitKind.TableRow,
            BlockKind.Code => UnitKind.Code,
            BlockKind.Heading => UnitKind.Heading,
            _ => UnitKind.Sentence,
        };
        if (kind is not UnitKind.Sentence && block.Length <= SentenceSplitter.MaxChars * 2)
        {
            int tokens = countTokens(text.AsSpan(block.Start, block.Length));
            if (tokens <= budget)
            {
                yield return new(new(block.Start, block.End, kind, block.Page), tokens, run);
                yield break;
            }
        }
        var parts = kind == UnitKind.Code ? Lines(text, block) : SentenceSplitter.Split(text, block.Start, block.End);
        foreach (var (start, end) in parts)
            foreach (var piece in Fit(text, start, end, budget))
                yield return new(new(piece.Start, piece.End, kind, block.Page), piece.Tokens, run);
    }

    private static IEnumerable<(int Start, int End)> Lines(string text, TextBlock block)
    {
        int start = block.Start;
        while (start < block.End)
        {
            int stop = text.IndexOf('\n', start, block.End - start);
            if (stop < 0) stop = block.End;
            if (!text.AsSpan(start, stop - start).IsWhiteSpace()) yield return (start, stop);
            start = stop + 1;
        }
    }

    /// <summary>The span itself where it fits, otherwise pieces cut at blanks (or anywhere, where there are none).</summary>
    private IEnumerable<(int Start, int End, int Tokens)> Fit(string text, int start, int end, int budget)
    {
        while (start < end)
        {
            int stop = end;
            int tokens = countTokens(text.AsSpan(start, stop - start));
            while (tokens > budget)
            {
                int target = start + Math.Max(1, (int)((long)(stop - start) * budget / tokens));
                stop = CutBefore(text, start, Math.Min(target, stop - 1));
                tokens = countTokens(text.AsSpan(start, stop - start));
                if (stop - start <= 2) break;
            }
            int trimmed = stop;
            while (trimmed > start && char.IsWhiteSpace(text[trimmed - 1])) trimmed--;
            if (trimmed > start) yield return (start, trimmed, tokens);
            start = stop;
            while (start < end && char.IsWhiteSpace(text[start])) start++;
        }
    }

    private static int CutBefore(string text, int start, int target)
    {
        for (int i = target; i > start + (target - start) / 2; i--)
            if (char.IsWhiteSpace(text[i])) return i;
        if (target > start + 1 && char.IsLowSurrogate(text[target])) return target - 1;
        return Math.Max(target, start + (char.IsHighSurrogate(text[start]) ? 2 : 1));
    }
}
