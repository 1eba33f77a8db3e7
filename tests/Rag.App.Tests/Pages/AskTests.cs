using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

public sealed partial class AskTests(Site site)
{
    [Fact]
    public async Task Choosing_a_citation_opens_the_document_with_exactly_the_quote_marked()
    {
        var answer = await site.AskAsync(SampleDocuments.RestoreQuestion);
        answer.GetProperty("outcome").GetString().ShouldBe("answered");
        var sources = answer.GetProperty("sources").EnumerateArray().ToList();
        sources.Count.ShouldBeGreaterThan(1);
        await using var visit = await site.VisitAsync("/");
        await Ask(visit.Page, SampleDocuments.RestoreQuestion);
        await Expect(visit.Page.Locator("#panel-title")).ToContainTextAsync("Backups");
        foreach (var source in sources)
        {
            int number = source.GetProperty("number").GetInt32();
            await visit.Page.Locator($"#cite-{number}").ClickAsync();
            await Expect(visit.Page.Locator("#panel-title .cite")).ToHaveTextAsync($"{number}");
            string.Concat(await visit.Page.Locator("#panel mark").AllTextContentsAsync()).ShouldBe(source.GetProperty("quote").GetString());
            await Expect(visit.Page.Locator("#quote")).ToBeInViewportAsync();
            await Expect(visit.Page.Locator($"[data-n='{number}']").First).ToContainClassAsync("chosen");
            await Expect(visit.Page).ToHaveURLAsync(new Regex($"source={number}#quote$"));
        }
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task An_answer_arrives_without_a_reload_and_is_announced()
    {
        await using var visit = await site.VisitAsync("/");
        await visit.Page.EvaluateAsync("window.notReloaded = true");
        await Ask(visit.Page, SampleDocuments.VacationQuestion);
        await Expect(visit.Page.Locator(".prose")).ToContainTextAsync("Employees have 28 vacation days a year.");
        await Expect(visit.Page.Locator("#status")).ToHaveTextAsync(AnnouncedAnswer);
        (await visit.Page.EvaluateAsync<bool>("window.notReloaded === true")).ShouldBeTrue();
        (await visit.Page.TitleAsync()).ShouldStartWith(SampleDocuments.VacationQuestion);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Going_back_shows_the_question_and_the_answer_before()
    {
        await using var visit = await site.VisitAsync("/");
        await Ask(visit.Page, SampleDocuments.VacationQuestion);
        await Ask(visit.Page, SampleDocuments.RestoreQuestion);
        await visit.Page.GoBackAsync();
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(SampleDocuments.VacationQuestion);
        await Expect(visit.Page.Locator("#q")).ToHaveValueAsync(SampleDocuments.VacationQuestion);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Steps_code_and_rows_are_shown_as_what_they_are()
    {
        await using var visit = await site.VisitAsync(Path(SampleDocuments.RestoreQuestion));
        await Expect(visit.Page.Locator(".prose li").First).ToContainTextAsync("1. Stop the service.");
        await Expect(visit.Page.Locator(".prose pre code")).ToHaveTextAsync("rag backup restore latest");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_question_that_the_documents_do_not_answer_is_declined_with_what_was_looked_at()
    {
        await using var visit = await site.VisitAsync("/");
        await visit.Page.Locator("#q").FillAsync(SampleDocuments.ForeignQuestion);
        await visit.Page.Locator("#q").PressAsync("Enter");
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("The documents do not answer this question");
        await Expect(visit.Page.Locator("#status")).ToHaveTextAsync("The documents do not answer this question.");
        var passages = visit.Page.Locator(".sources li a");
        (await passages.CountAsync()).ShouldBeGreaterThan(0);
        await passages.First.ClickAsync();
        await Expect(visit.Page.Locator("#quote").First).ToBeInViewportAsync();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Markup_in_a_document_stays_text_in_answer_panel_and_page()
    {
        await using var visit = await site.VisitAsync(Path(SampleDocuments.HostileQuestion));
        await Expect(visit.Page.Locator(".prose")).ToContainTextAsync(SampleDocuments.HostileMarkup);
        await Expect(visit.Page.Locator("#panel mark").First).ToContainTextAsync("<script>window.pwned = true</script>");
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Open the document" }).ClickAsync();
        await Expect(visit.Page.Locator(".text")).ToContainTextAsync(SampleDocuments.HostileMarkup);
        (await visit.Page.Locator("main script, main img, main b").CountAsync()).ShouldBe(0);
        (await visit.Page.EvaluateAsync<bool>("'pwned' in window")).ShouldBeFalse();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_rating_is_noted_where_the_buttons_were()
    {
        await using var visit = await site.VisitAsync(Path(SampleDocuments.VacationQuestion));
        var noted = visit.Page.WaitForResponseAsync(r => r.Url.EndsWith("/feedback", StringComparison.Ordinal));
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        (await noted).Status.ShouldBe(204);
        await Expect(visit.Page.Locator(".thanks")).ToHaveTextAsync("Thank you, noted.");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task The_slash_key_goes_to_the_question()
    {
        await using var visit = await site.VisitAsync(Path(SampleDocuments.VacationQuestion));
        await visit.Page.Locator("body").PressAsync("/");
        await Expect(visit.Page.Locator("#q")).ToBeFocusedAsync();
        await Expect(visit.Page.Locator("#q")).ToHaveValueAsync(SampleDocuments.VacationQuestion);
    }

    [Fact]
    public async Task A_server_that_went_away_is_named_with_the_remedy()
    {
        await using var visit = await site.VisitAsync("/");
        await visit.Page.RouteAsync("**/*", route => route.AbortAsync("connectionrefused"));
        await visit.Page.Locator("#q").FillAsync("Is anyone there?");
        await visit.Page.Locator("#q").PressAsync("Enter");
        await Expect(visit.Page.Locator("#result .note.bad")).ToHaveTextAsync("The server did not answer. See that it is running, then ask again. Ask again");
    }

    [Fact]
    public async Task A_question_for_an_unknown_collection_names_the_problem_and_the_remedy()
    {
        await using var visit = await site.VisitAsync("/?q=anything&collection=nowhere");
        await Expect(visit.Page.Locator(".note.bad")).ToContainTextAsync("There is no collection 'nowhere'.");
        await Expect(visit.Page.Locator(".note.bad")).ToContainTextAsync("What to do:");
    }

    internal static string Path(string question, string collection = "default") => $"/?q={Uri.EscapeDataString(question)}&collection={collection}";

    internal static async Task Ask(IPage page, string question)
    {
        await page.Locator("#q").FillAsync(question);
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask", Exact = true }).ClickAsync();
        await Expect(page.Locator("#answer-title")).ToHaveTextAsync(question);
    }

    [GeneratedRegex(@"^Answer of \d+ parts? from \d+ documents?\.$")]
    private static partial Regex AnnouncedAnswer { get; }
}
