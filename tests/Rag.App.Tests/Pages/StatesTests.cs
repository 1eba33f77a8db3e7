using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

/// <summary>States that need a server of their own: nothing in it, or no embedding model.</summary>
public sealed class StatesTests(Site site)
{
    [Fact]
    public async Task An_empty_system_says_how_documents_get_in()
    {
        await using var server = await RunningServer.StartAsync();
        await using var visit = await site.VisitAsync("/", site: server.Url);
        await ShouldExplain(visit);
        await visit.Page.GotoAsync(AskTests.Path(SampleDocuments.VacationQuestion));
        await ShouldExplain(visit);
        (await visit.Page.RunAxe(PageRules.All)).Violations.ShouldBeEmpty();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Add files" }).ClickAsync();
        await Expect(visit.Page.Locator("#list")).ToContainTextAsync("Nothing here yet.");
        (await visit.Page.RunAxe(PageRules.All)).Violations.ShouldBeEmpty();
        visit.ShouldBeQuiet();

        static async Task ShouldExplain(Visit visit)
        {
            await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Nothing to ask yet");
            await Expect(visit.Page.Locator(".three li")).ToHaveCountAsync(3);
        }
    }

    [Fact]
    public async Task An_empty_collection_beside_others_says_so()
    {
        using (var response = await site.Http.PutAsync("/v1/collections/hollow", new StringContent("{}", System.Text.Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken)) response.EnsureSuccessStatusCode();
        await using var visit = await site.VisitAsync("/?collection=hollow");
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Collection “hollow” is empty");
    }

    [Fact]
    public async Task An_answer_that_could_not_be_looked_for_by_meaning_says_so()
    {
        await using var server = await RunningServer.StartAsync(
            ("Inference:Provider", "openai"), ("Inference:Endpoint", "http://127.0.0.1:9/v1"), ("Inference:Model", "away"),
            ("Inference:Dimensions", "384"), ("Inference:Retries", "0"), ("Inference:TimeoutMs", "1000"));
        await server.AddAsync("default", "vacation.md", SampleDocuments.All[1].Text);
        await using var visit = await site.VisitAsync(AskTests.Path(SampleDocuments.VacationQuestion), site: server.Url);
        await Expect(visit.Page.Locator(".note.warn")).ToContainTextAsync("Less was done than usual:");
        (await visit.Page.RunAxe(PageRules.All)).Violations.ShouldBeEmpty();
        await visit.Page.GotoAsync("/documents");
        await Expect(visit.Page.Locator(".embedding")).ToContainTextAsync("0 of 2 chunks embedded.");
        (await visit.Page.RunAxe(PageRules.All)).Violations.ShouldBeEmpty();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Without_a_model_the_documents_page_says_what_is_missing()
    {
        await using var server = await RunningServer.StartAsync(("Inference:ModelPath", "no-such-folder"));
        await server.AddAsync("default", "vacation.md", SampleDocuments.All[1].Text);
        await using var visit = await site.VisitAsync("/documents", site: server.Url);
        await Expect(visit.Page.Locator(".note.warn")).ToContainTextAsync("Found by words only, not by meaning:");
        (await visit.Page.RunAxe(PageRules.All)).Violations.ShouldBeEmpty();
        visit.ShouldBeQuiet();
    }
}
