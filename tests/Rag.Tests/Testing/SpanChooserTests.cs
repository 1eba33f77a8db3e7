using Rag.Testing.Claims;

namespace Rag.Tests.Testing;

public sealed class SpanChooserTests
{
    private static readonly string[] Page =
    [
        "Welcome to our page about bridges.", "The harbour bridge was opened in 1932 by the premier.", "Bridges are loved by many.", "It carries eight lanes of traffic.",
        "Tickets are sold at the pylon.", "The main span of the harbour bridge measures 503 metres.", "Subscribe to our letter.",
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sentences_that_have_the_claims_rare_words_are_chosen()
    {
        var chosen = await SpanChooser.ChooseAsync("The harbour bridge, opened in 1932, has a main span of 503 metres.", Page, "english", null, Cancel);
        chosen.ShouldContain(1);
        chosen.ShouldContain(5);
        chosen.ShouldNotContain(6);
        chosen.Count.ShouldBeLessThanOrEqualTo(SpanChooser.MaxChosen);
        chosen.ShouldBe(chosen.Order());
    }

    [Fact]
    public async Task Nothing_is_chosen_where_nothing_fits() =>
        (await SpanChooser.ChooseAsync("Quantum chromodynamics explains confinement.", Page, "english", null, Cancel)).ShouldBeEmpty();

    [Fact]
    public void Neighbours_become_one_span_with_the_sentence_before_them()
    {
        var spans = SpanChooser.Spans(Page, [2, 3, 6], "Bridges");
        spans.Select(s => s.Text).ShouldBe([string.Join('\n', Page[1..4]), string.Join('\n', Page[5..7])]);
        spans.ShouldAllBe(s => s.Context == "Bridges");
    }
}
