using CsCheck;
using Rag.Answering;
using Rag.Answering.Generation;
using Rag.Indexing;
using Rag.Inference.Generation;
using Rag.Ingestion;

namespace Rag.Tests.Answering.Generation;

public sealed class EvidenceSheetTests
{
    private static readonly Gen<string> Sentence = Gen.String[Gen.Char['a', 'z'], 1, 60];

    [Fact]
    public void Every_number_is_a_unit_of_the_evidence_and_every_text_stands_there_once() => Gen.Select(Sentence.Array[1, 8].Array[1, 6], Gen.Int[0, 600]).Sample((texts, budget) =>
    {
        var evidence = texts.Select((t, i) => Evidence(i, t)).ToList();
        var sheet = EvidenceSheet.Of(evidence, budget);
        var shown = Enumerable.Range(1, sheet.Count).Select(n => sheet.TextOf(sheet[n]!.Value)).ToList();
        shown.ShouldBeUnique();
        shown.ShouldBe(texts.SelectMany(t => t).Distinct().Take(shown.Count));
        TokenEstimate.Of(sheet.Text).ShouldBeLessThanOrEqualTo(budget);
        sheet[0].ShouldBeNull();
        sheet[sheet.Count + 1].ShouldBeNull();
    });

    [Fact]
    public void Headings_say_where_things_stand_and_have_no_number()
    {
        var sheet = EvidenceSheet.Of([Evidence(0, ["Pumps", "The pump stands in hall 3."], UnitKind.Heading)], 500);
        sheet.Text.ShouldBe("# Title 0 › Halls\n[1] The pump stands in hall 3.\n");
    }

    [Fact]
    public void Tokens_are_counted_rather_too_many_than_too_few()
    {
        TokenEstimate.Of("").ShouldBe(0);
        // More than a word each, a digit or sign each, a character each.
        TokenEstimate.Of("The backups are kept for exactly one year.").ShouldBeGreaterThan(9);
        TokenEstimate.Of("2026-11-27 05:40:15").ShouldBeGreaterThanOrEqualTo(18);
        TokenEstimate.Of("バックアップは一年間保存されます").ShouldBeGreaterThan(16);
    }

    private static Evidence Evidence(int number, string[] texts, UnitKind first = UnitKind.Sentence)
    {
        var units = new List<UnitSpan>();
        int at = 0;
        foreach (string text in texts)
        {
            units.Add(new(at, at + text.Length, units.Count == 0 ? first : UnitKind.Sentence));
            at += text.Length + 1;
        }
        string whole = string.Join(' ', texts);
        return new(new IndexedChunk($"d{number}", 1, number, 0, $"Title {number}", "u", "text/plain", 0, whole.Length, null, "Halls", "", new string('0', 64), UnitCodec.Encode(units, 0), whole), 1, 1, 1);
    }
}
