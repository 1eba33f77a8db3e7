using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

public sealed class WithoutScriptsTests(Site site)
{
    [Fact]
    public async Task A_citation_opens_its_passage_in_the_address()
    {
        await using var visit = await PlainAsync("/");
        await visit.Page.Locator("#q").FillAsync(SampleDocuments.RestoreQuestion);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Ask", Exact = true }).ClickAsync();
        await Expect(visit.Page.Locator(".prose")).ToContainTextAsync("rag backup restore latest");
        await visit.Page.Locator("#cite-2").ClickAsync();
        await Expect(visit.Page).ToHaveURLAsync(new Regex("source=2#quote$"));
        string quote = (await site.AskAsync(SampleDocuments.RestoreQuestion)).GetProperty("sources")[1].GetProperty("quote").GetString()!;
        string.Concat(await visit.Page.Locator("#panel mark").AllTextContentsAsync()).ShouldBe(quote);
        await Expect(visit.Page.Locator("#quote")).ToBeInViewportAsync();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Open the document" }).ClickAsync();
        string.Concat(await visit.Page.Locator(".text mark").AllTextContentsAsync()).ShouldBe(quote);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_rating_is_taken()
    {
        await using var visit = await PlainAsync(AskTests.Path(SampleDocuments.VacationQuestion));
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "No", Exact = true }).ClickAsync();
        await Expect(visit.Page.Locator(".thanks")).ToHaveTextAsync("Thank you, noted.");
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(SampleDocuments.VacationQuestion);
    }

    [Fact]
    public async Task A_collection_is_made_filled_and_emptied()
    {
        await using var visit = await PlainAsync("/documents");
        await visit.Page.GetByText("New collection").ClickAsync();
        await visit.Page.GetByLabel("Name").FillAsync("plain");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await visit.Page.Locator("#files").SetInputFilesAsync(
        [
            DocumentsTests.File("ferry.md", "# Ferry\n\nThe ferry leaves the island at nine."),
            new FilePayload { Name = "broken.pdf", MimeType = "application/pdf", Buffer = Encoding.ASCII.GetBytes("%PDF-1.7\nno") },
        ]);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
        await Expect(visit.Page.Locator("#uploads .good")).ToHaveTextAsync(new Regex(@"ferry\.md\s+Added\."));
        await Expect(visit.Page.Locator("#uploads .bad")).ToHaveTextAsync(new Regex(@"broken\.pdf\s+Not added \(broken\): .+"));
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Delete Ferry" }).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(visit.Page.Locator("#list-title")).ToHaveTextAsync("0 documents in “plain”");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Read_only_mode_a_schedule_and_a_hold_are_turned_on_and_off()
    {
        // On a server of its own: the others write meanwhile.
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        await using var visit = await site.VisitAsync("/operate/maintenance", o => o.JavaScriptEnabled = false, server.Url);
        var page = visit.Page;
        var readOnly = page.Locator("section[aria-labelledby='read-only']");
        await readOnly.GetByLabel("Why").FillAsync("New disk");
        await readOnly.GetByLabel("How long").FillAsync("30m");
        await page.GetByRole(AriaRole.Button, new() { Name = "Refuse writes" }).ClickAsync();
        await Expect(page.Locator(".maintenance")).ToContainTextAsync("Read-only now: New disk.");
        await page.GotoAsync("/documents");
        await Expect(page.Locator(".maintenance")).ToContainTextAsync("Nothing can be added or changed until");
        await page.GotoAsync("/operate/maintenance");
        await page.GetByRole(AriaRole.Button, new() { Name = "Take writes again" }).ClickAsync();
        await Expect(page.Locator(".maintenance")).ToHaveCountAsync(0);

        await page.GotoAsync("/operate/schedules");
        await page.GetByRole(AriaRole.Button, new() { Name = "Run retention now" }).ClickAsync();
        await Expect(page.Locator("section[aria-labelledby='runs'] tbody th").First).ToHaveTextAsync("retention");

        await page.GotoAsync("/operate/retention");
        await page.GetByLabel("What is held").SelectOptionAsync("provenance");
        await page.GetByLabel("Why").FillAsync("Case 12");
        await page.GetByRole(AriaRole.Button, new() { Name = "Place" }).ClickAsync();
        await Expect(page.Locator("section[aria-labelledby='holds'] tbody")).ToContainTextAsync("Case 12");
        await page.GetByRole(AriaRole.Button, new() { Name = "Release" }).ClickAsync();
        await Expect(page.Locator("section[aria-labelledby='holds'] tbody")).ToContainTextAsync("released");
        visit.ShouldBeQuiet();

        // The browser itself says on its console that a page came with a status of 400.
        await page.GotoAsync("/operate/maintenance");
        await readOnly.GetByLabel("Why").FillAsync("Too long");
        await readOnly.GetByLabel("How long").FillAsync("9d");
        await page.GetByRole(AriaRole.Button, new() { Name = "Refuse writes" }).ClickAsync();
        await Expect(page.Locator(".note.bad")).ToContainTextAsync("9d is out of bounds");
    }

    [Fact]
    public async Task An_incident_is_opened_taken_noted_and_ended()
    {
        await using var visit = await PlainAsync("/incidents");
        var main = visit.Page.Locator("main");
        await visit.Page.GetByLabel("What is wrong, in a line").FillAsync("Badges cannot be printed");
        await visit.Page.GetByLabel("Severity").SelectOptionAsync("P1");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Open", Exact = true }).ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Badges cannot be printed");
        await Expect(main).ToContainTextAsync("P1 · High");
        // An hour, of which a moment has gone.
        await Expect(visit.Page.Locator("time[data-deadline]")).ToHaveTextAsync(new Regex("^in (59|60) min$"));
        await visit.Page.GetByLabel("Who has it").SelectOptionAsync("on-call-engineer");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Acknowledge" }).ClickAsync();
        await Expect(main).ToContainTextAsync("in time");
        await visit.Page.GetByLabel("Note for the timeline").FillAsync("The printer has no paper.");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Write" }).ClickAsync();
        await Expect(visit.Page.Locator(".timeline")).ToContainTextAsync("The printer has no paper.");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Resolve" }).ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Open again" })).ToBeVisibleAsync();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Incidents", Exact = true }).First.ClickAsync();
        await Expect(visit.Page.Locator("main")).Not.ToContainTextAsync("Badges cannot be printed");
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Show resolved ones, too" }).ClickAsync();
        await Expect(visit.Page.Locator("main")).ToContainTextAsync("Badges cannot be printed");
        visit.ShouldBeQuiet();
    }

    private Task<Visit> PlainAsync(string path) => site.VisitAsync(path, o => o.JavaScriptEnabled = false);
}
