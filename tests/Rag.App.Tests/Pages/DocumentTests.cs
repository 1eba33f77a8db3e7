using CsCheck;
using Rag.App.Pages;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

public sealed class DocumentTests(Site site)
{
    [Fact]
    public async Task The_page_shows_the_whole_text_and_marks_the_span_to_the_character()
    {
        await using var visit = await site.VisitAsync("/");
        foreach (var document in (await site.DocumentsAsync("default")).Where(d => d.Uri.EndsWith(".md", StringComparison.Ordinal)))
        {
            string text = await site.Http.GetStringAsync($"/v1/collections/default/documents/{document.Id}/text", TestContext.Current.CancellationToken);
            (int Start, int End)[] spans = [(0, 1), (3, text.Length / 2), (text.Length / 3, text.Length), (0, text.Length)];
            foreach (var (start, end) in spans)
            {
                await visit.Page.GotoAsync($"/documents/default/{document.Id}?version=1&start={start}&end={end}");
                (await visit.Page.Locator(".text").TextContentAsync()).ShouldBe(text);
                string.Concat(await visit.Page.Locator(".text mark").AllTextContentsAsync()).ShouldBe(text[start..end]);
                await Expect(visit.Page.Locator("#quote")).ToBeInViewportAsync();
            }
        }
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Headings_code_steps_and_rows_are_told_apart()
    {
        await using var visit = await site.VisitAsync($"/documents/default/{await site.IdAsync("default", "handbook/backups.md")}");
        await Expect(visit.Page.Locator(".text h3.heading")).ToHaveTextAsync(["Restore a backup", "How long backups are kept"]);
        await Expect(visit.Page.Locator(".text .code")).ToHaveTextAsync("rag backup restore latest");
        await Expect(visit.Page.Locator(".text .item").First).ToHaveTextAsync("1. Stop the service.");
        await Expect(visit.Page.Locator(".text .row").Nth(1)).ToHaveTextAsync("daily | 30 days");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_page_number_is_shown_where_the_format_has_pages()
    {
        string trains = string.Concat(Enumerable.Range(1, 45).Select(i => $"Train number {i} calls at the central station and at the harbour on weekdays.\n"));
        await site.AddAsync("paged", "timetable.pdf", SampleDocuments.Pdf("This is the timetable of trains and ferries.", trains + "The night ferry leaves the northern pier at eleven."));
        await site.WaitForEmbeddingAsync("paged");
        await using var visit = await site.VisitAsync(AskTests.Path("When does the night ferry leave the northern pier?", "paged"));
        await Expect(visit.Page.Locator("#panel .place")).ToHaveTextAsync("page 2");
        await Expect(visit.Page.Locator(".sources .place").First).ToHaveTextAsync("page 2");
        await visit.Page.Locator("#panel header").GetByText("Open the document").ClickAsync();
        await Expect(visit.Page.Locator("article > header")).ToContainTextAsync("Page 2.");
        await Expect(visit.Page.Locator(".text [data-page]")).ToHaveCountAsync(2);
        await Expect(visit.Page.Locator("mark")).ToContainTextAsync("The night ferry leaves the northern pier at eleven.");
        visit.ShouldBeQuiet();
    }

    [Theory]
    [InlineData("start=5&end=5")]
    [InlineData("start=9&end=2")]
    [InlineData("start=0&end=99999999999")]
    public async Task A_span_that_is_none_is_said_and_nothing_is_marked(string span)
    {
        await using var visit = await site.VisitAsync($"/documents/default/{await site.IdAsync("default", "handbook/vacation.md")}?version=1&{span}");
        await Expect(visit.Page.Locator(".note.warn")).ToContainTextAsync("nothing is marked");
        await Expect(visit.Page.Locator("mark")).ToHaveCountAsync(0);
    }

    [Fact]
    public void A_span_never_cuts_a_character_in_two() =>
        Gen.Select(Text("a", 0, 20), Gen.Int[-2, 45], Gen.Int[-2, 45]).Sample((text, start, end) =>
        {
            if (!DocumentReader.IsSpan(text, start, end)) return true;
            string cut = text[start..end];
            return cut.Length > 0 && string.Concat(cut.EnumerateRunes().Select(r => r.ToString())) == cut;
        });

    [Fact]
    public void A_window_holds_the_span_and_ends_where_characters_end() =>
        Gen.Select(Text("word ", 1, 200), Gen.Int[0, 900], Gen.Int[0, 900], Gen.Int[8, 300])
        .Sample((text, a, b, max) =>
        {
            int start = Math.Min(Math.Min(a, b), text.Length), end = Math.Min(Math.Max(a, b), text.Length);
            var (from, to) = DocumentReader.Window(text, start, end, max);
            return from >= 0 && from <= start && to >= end && to <= text.Length && to - from <= Math.Max(max, end - from) + 1
                && (from == 0 || from == text.Length || !char.IsLowSurrogate(text[from])) && (to == text.Length || !char.IsLowSurrogate(text[to]));
        });

    [Fact]
    public async Task A_long_document_comes_in_parts_that_join_without_a_gap()
    {
        string text = string.Join("\n\n", Enumerable.Range(0, 9_000).Select(i => $"Paragraph {i} says that the count is {i * 7}."));
        await site.AddAsync("long", "long.txt", text);
        await using var visit = await site.VisitAsync($"/documents/long/{await site.IdAsync("long", "long.txt")}");
        string first = (await visit.Page.Locator(".text").TextContentAsync())!;
        first.Length.ShouldBeInRange(DocumentEndpoints.MaxPageChars - 100, DocumentEndpoints.MaxPageChars);
        await visit.Page.Locator("a[rel=next]").ClickAsync();
        await Expect(visit.Page.Locator("a[rel=prev]")).ToBeVisibleAsync();
        string second = (await visit.Page.Locator(".text").TextContentAsync())!;
        (first + second).ShouldBe(text[..(first.Length + second.Length)]);
        visit.ShouldBeQuiet();
    }

    /// <summary>Texts of a word, a letter of one code unit, one of two, and line ends.</summary>
    private static Gen<string> Text(string word, int min, int max)
    {
        string[] parts = [word, "é", "😀", "\n"];
        return Gen.Int[0, parts.Length - 1].Array[min, max].Select(all => string.Concat(all.Select(i => parts[i])));
    }
}
