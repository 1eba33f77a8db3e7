using CsCheck;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;

namespace Rag.Tests.Ingestion;

public sealed class ChunkerTests
{
    private const int MaxTokens = 60;

    /// <summary>A word is a token: enough to see how chunks are cut.</summary>
    private static int Words(ReadOnlySpan<char> text)
    {
        int words = 0;
        bool inside = false;
        foreach (char c in text)
        {
            bool blank = char.IsWhiteSpace(c);
            if (!blank && !inside) words++;
            inside = !blank;
        }
        return words;
    }

    private static readonly Chunker Chunker = new(Words, MaxTokens);

    private static readonly Gen<string> Sentence = Gen.String[Gen.Char.AlphaNumeric, 1, 8].Array[1, 30].Select(words => string.Join(' ', words) + ".");

    private static readonly Gen<ParsedDocument> Document =
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 0, 20], Gen.Int[0, 5].SelectMany(kind => Sentence.Array[1, 6].Select(s => (kind, s))).Array[0, 20]).Select((title, blocks) =>
        {
            var builder = new ParsedTextBuilder(1_000_000);
            foreach (var (kind, sentences) in blocks)
            {
                int group = builder.NewGroup();
                switch (kind)
                {
                    case 0: builder.Heading(1 + sentences.Length % 3, sentences[0]); break;
                    case 1: foreach (string s in sentences) builder.ListItem(group, 0, "- ", s); break;
                    case 2: foreach (string s in sentences) builder.TableRow(group, s.Split(' ')); break;
                    case 3: builder.Code(string.Join('\n', sentences)); break;
                    default: builder.Paragraph(string.Join(' ', sentences)); break;
                }
            }
            return builder.Build(title, "text/plain");
        });

    [Fact]
    public void Chunks_are_in_order_within_the_bound_and_lose_no_text() => Document.Sample(document =>
    {
        var chunks = Chunker.Chunk(document);
        int at = 0;
        var covered = new bool[document.Text.Length];
        for (int i = 0; i < chunks.Count; i++)
        {
            var chunk = chunks[i];
            if (chunk.Ordinal != i || chunk.Start < at || chunk.End > document.Text.Length || chunk.Units.Count == 0) return false;
            if (chunk.Units[0].Start != chunk.Start || chunk.Units[^1].End != chunk.End) return false;
            for (int u = 0; u < chunk.Units.Count; u++)
            {
                var unit = chunk.Units[u];
                if (unit.End <= unit.Start || (u > 0 && unit.Start < chunk.Units[u - 1].End)) return false;
                Array.Fill(covered, true, unit.Start, unit.End - unit.Start);
            }
            if (Words(document.Text.AsSpan(chunk.Start, chunk.End - chunk.Start)) > MaxTokens) return false;
            at = chunk.End;
        }
        // Headings live in the paths of what stands beneath them.
        foreach (var block in document.Blocks.Where(b => b.Kind == BlockKind.Heading)) Array.Fill(covered, true, block.Start, block.Length);
        return Enumerable.Range(0, covered.Length).All(i => covered[i] || char.IsWhiteSpace(document.Text[i]));
    });

    [Fact]
    public void No_chunk_crosses_a_heading() => Document.Sample(document =>
    {
        var headings = document.Blocks.Where(b => b.Kind == BlockKind.Heading).ToList();
        return Chunker.Chunk(document).All(c => !headings.Any(h => h.Start > c.Start && h.End < c.End));
    });

    [Fact]
    public void The_same_document_gives_the_same_chunks() => Document.Sample(document =>
        Chunker.Chunk(document).Select(c => (c.Start, c.End, c.Hash, c.HeadingPath)).SequenceEqual(Chunker.Chunk(document).Select(c => (c.Start, c.End, c.Hash, c.HeadingPath))));

    [Fact]
    public void A_table_and_a_code_block_that_fit_stay_whole()
    {
        var builder = new ParsedTextBuilder(10_000);
        builder.Paragraph(string.Join(' ', Enumerable.Repeat("word", 40)) + ".");
        int table = builder.NewGroup();
        for (int i = 0; i < 10; i++) builder.TableRow(table, ["a", "b"]);
        builder.Paragraph(string.Join(' ', Enumerable.Repeat("word", 40)) + ".");
        builder.Code(string.Join('\n', Enumerable.Repeat("line of code", 10)));
        var chunks = Chunker.Chunk(builder.Build("T", "text/plain"));
        chunks.Count(c => c.Units.Any(u => u.Kind == UnitKind.TableRow)).ShouldBe(1);
        chunks.Count(c => c.Units.Any(u => u.Kind == UnitKind.Code)).ShouldBe(1);
    }

    [Fact]
    public void A_table_that_goes_on_in_another_chunk_takes_its_header_along()
    {
        var builder = new ParsedTextBuilder(100_000);
        int table = builder.NewGroup();
        builder.TableRow(table, ["Name", "Port"]);
        for (int i = 0; i < 60; i++) builder.TableRow(table, [$"service{i}", $"{8000 + i}"]);
        var chunks = Chunker.Chunk(builder.Build("Ports", "text/csv"));
        chunks.Count.ShouldBeGreaterThan(1);
        chunks[0].Context.ShouldBeEmpty();
        chunks.Skip(1).ShouldAllBe(c => c.Context == "Name | Port");
    }

    [Fact]
    public void A_section_a_little_over_the_bound_becomes_two_halves()
    {
        var builder = new ParsedTextBuilder(10_000);
        builder.Paragraph(string.Join(' ', Enumerable.Repeat("one two three four five.", 14)));
        var chunks = Chunker.Chunk(builder.Build("T", "text/plain"));
        chunks.Count.ShouldBe(2);
        (chunks[0].Units.Count - chunks[1].Units.Count).ShouldBeInRange(-1, 1);
    }

    [Fact]
    public void A_heading_with_nothing_beneath_it_can_still_be_found()
    {
        var builder = new ParsedTextBuilder(10_000);
        builder.Heading(1, "Contents");
        builder.Heading(1, "Restore from tape");
        builder.Heading(2, "Steps");
        builder.Paragraph("Insert the tape.");
        builder.Heading(1, "The end");
        var chunks = Chunker.Chunk(builder.Build("", "text/plain"));
        chunks.Select(c => c.HeadingPath).ShouldBe(["Contents", "Restore from tape › Steps", "The end"]);
    }

    [Fact]
    public void Unit_spans_survive_their_encoding() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Select(Gen.Int[0, 300], Gen.Int[1, 5000], Gen.Int[0, 4], Gen.Int[0, 3]).Array[0, 50]).Sample((start, steps) =>
        {
            int at = start, page = 0;
            var units = new List<UnitSpan>();
            foreach (var (gap, length, kind, turn) in steps)
            {
                page += turn;
                units.Add(new(at + gap, at + gap + length, (UnitKind)kind, page > 0 ? page : null));
                at += gap + length;
            }
            return UnitCodec.Decode(UnitCodec.Encode(units, start), start).SequenceEqual(units);
        });

    [Fact]
    public void The_hash_is_of_what_is_embedded()
    {
        var builder = new ParsedTextBuilder(1_000);
        builder.Heading(1, "H");
        builder.Paragraph("Text.");
        var chunk = Chunker.Chunk(builder.Build("T", "text/plain")).ShouldHaveSingleItem();
        chunk.Hash.ShouldBe(Sha256.Hex("T\nH\nText."));
    }
}
