using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

public sealed class DocumentsTests(Site site)
{
    private static readonly byte[] BrokenPdf = Encoding.ASCII.GetBytes("%PDF-1.7\nthis is no PDF at all");

    [Fact]
    public async Task Files_go_up_with_their_progress_and_each_that_fails_says_why()
    {
        await using var visit = await CollectionAsync("upload");
        // Slow enough to be seen on its way.
        await visit.Page.RouteAsync("**/v1/collections/upload/documents", async route =>
        {
            await Task.Delay(300);
            await route.ContinueAsync();
        });
        await visit.Page.Locator("#files").SetInputFilesAsync(
        [
            File("tides.md", "# Tides\n\nThe tide in the harbour turns twice a day."),
            new FilePayload { Name = "broken.pdf", MimeType = "application/pdf", Buffer = BrokenPdf },
            new FilePayload { Name = "program.exe", MimeType = "application/octet-stream", Buffer = [0x4D, 0x5A, 0x90, 0, 3, 0, 0, 0, 0xFF, 0xFF, 0, 0] },
        ]);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Progressbar).First).ToBeVisibleAsync();
        await Expect(Row(visit, "tides.md")).ToContainTextAsync("Added.");
        await Expect(Row(visit, "broken.pdf")).ToContainTextAsync("Not added (broken):");
        await Expect(Row(visit, "program.exe")).ToContainTextAsync("Not added (unsupported):");
        await Expect(visit.Page.Locator("#status")).ToHaveTextAsync("1 added or known, 2 not added.");
        await Expect(visit.Page.Locator("#list-title")).ToHaveTextAsync("1 document in “upload”");
        await Expect(visit.Page.GetByRole(AriaRole.Link, new() { Name = "Tides", Exact = true })).ToBeVisibleAsync();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Files_dropped_on_the_page_are_taken()
    {
        await using var visit = await CollectionAsync("dropped");
        var files = await visit.Page.EvaluateHandleAsync(
            """() => { const data = new DataTransfer(); data.items.add(new File(["# Dropped\n\nThis file was dropped on the page."], "dropped.md")); return data; }""");
        await visit.Page.DispatchEventAsync("main", "dragenter", new { dataTransfer = files });
        await Expect(visit.Page.Locator("body")).ToContainClassAsync("dropping");
        await visit.Page.DispatchEventAsync("main", "drop", new { dataTransfer = files });
        await Expect(Row(visit, "dropped.md")).ToContainTextAsync("Added.");
        await Expect(visit.Page.Locator("body")).Not.ToContainClassAsync("dropping");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_file_sent_again_is_unchanged_and_a_changed_one_is_a_new_version()
    {
        await using var visit = await CollectionAsync("versions");
        await SendAsync(visit, File("price.md", "# Price\n\nThe ferry ticket costs four crowns."));
        await Expect(Row(visit, "price.md")).ToContainTextAsync("Added.");
        await SendAsync(visit, File("price.md", "# Price\n\nThe ferry ticket costs four crowns."));
        await Expect(Row(visit, "price.md")).ToContainTextAsync("Unchanged");
        await SendAsync(visit, File("price.md", "# Price\n\nThe ferry ticket costs five crowns."));
        await Expect(Row(visit, "price.md")).ToContainTextAsync("Added as version 2.");
        await Expect(visit.Page.Locator("td[data-label=Version]")).ToHaveTextAsync("2");
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Price", Exact = true }).ClickAsync();
        await Expect(visit.Page.Locator(".text")).ToContainTextAsync("five crowns");
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Version 1" }).ClickAsync();
        await Expect(visit.Page.Locator(".text")).ToContainTextAsync("four crowns");
        await Expect(visit.Page.Locator(".note.warn")).ToContainTextAsync("This is version 1, an earlier one.");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task What_is_deleted_is_said_before_and_cannot_be_asked_after()
    {
        const string Question = "Who mends the lighthouse lamp?";
        await site.AddAsync("deleting", "lighthouse.md", "# Lighthouse\n\nThe keeper mends the lighthouse lamp. The keeper lives in the tower beside the lighthouse.");
        await site.AddAsync("deleting", "harbour.md", "# Harbour\n\nThe harbour master counts the boats in the evening.");
        await site.WaitForEmbeddingAsync("deleting");
        (await site.AskAsync(Question, "deleting")).GetProperty("outcome").GetString().ShouldBe("answered");
        await using var visit = await site.VisitAsync("/documents?collection=deleting");
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Delete Lighthouse" }).ClickAsync();
        await Expect(visit.Page.Locator("main")).ToContainTextAsync("lighthouse.md");
        await Expect(visit.Page.Locator("main")).ToContainTextAsync("1 chunk of the search index");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(visit.Page.Locator(".note.good")).ToHaveTextAsync("The document was deleted.");
        await Expect(visit.Page.Locator("#list-title")).ToHaveTextAsync("1 document in “deleting”");
        await visit.Page.GotoAsync(AskTests.Path(Question, "deleting"));
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("The documents do not answer this question");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_collection_is_made_with_its_language()
    {
        await using var visit = await site.VisitAsync("/documents");
        await visit.Page.GetByText("New collection").ClickAsync();
        await visit.Page.GetByLabel("Name").FillAsync("handbuch");
        await visit.Page.GetByLabel("Language").SelectOptionAsync("german");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(visit.Page.Locator("#list-title")).ToHaveTextAsync("0 documents in “handbuch”");
        await Expect(visit.Page.Locator("#list")).ToContainTextAsync("Language: german");
        visit.ShouldBeQuiet();
        await visit.Page.GetByText("New collection").ClickAsync();
        await visit.Page.GetByLabel("Name").FillAsync("handbuch");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(visit.Page.Locator(".note.bad")).ToContainTextAsync("There is a collection 'handbuch' already.");
    }

    [Fact]
    public async Task Many_documents_come_a_page_at_a_time_and_by_the_beginning_of_their_address()
    {
        using var form = new MultipartFormDataContent();
        for (int i = 0; i < 130; i++) form.Add(new ByteArrayContent(Encoding.UTF8.GetBytes($"Leaflet number {i} is about bees.")), "files", $"leaflets/{i:D3}.txt");
        using (var response = await site.Http.PostAsync("/v1/collections/many/documents", form, TestContext.Current.CancellationToken)) response.EnsureSuccessStatusCode();
        await using var visit = await site.VisitAsync("/documents?collection=many");
        await Expect(visit.Page.Locator("tbody tr")).ToHaveCountAsync(100);
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Next documents" }).ClickAsync();
        await Expect(visit.Page.Locator("tbody tr")).ToHaveCountAsync(30);
        await visit.Page.GetByLabel("Address begins with").FillAsync("leaflets/12");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Show" }).ClickAsync();
        await Expect(visit.Page.Locator("tbody tr")).ToHaveCountAsync(10);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Embedding_is_shown_until_it_is_done()
    {
        using var form = new MultipartFormDataContent();
        for (int i = 0; i < 60; i++) form.Add(new ByteArrayContent(Encoding.UTF8.GetBytes($"Page {i} of the log tells of wind and weather on day {i}.")), "files", $"{i}.txt");
        using (var response = await site.Http.PostAsync("/v1/collections/embedding/documents", form, TestContext.Current.CancellationToken)) response.EnsureSuccessStatusCode();
        await using var visit = await site.VisitAsync("/documents?collection=embedding");
        await Expect(visit.Page.Locator("#list")).ToHaveAttributeAsync("data-pending", "0", new() { Timeout = 30_000 });
        await Expect(visit.Page.Locator("#list progress")).ToHaveCountAsync(0);
        visit.ShouldBeQuiet();
    }

    internal static FilePayload File(string name, string text) => new() { Name = name, MimeType = "text/plain", Buffer = Encoding.UTF8.GetBytes(text) };

    private static ILocator Row(Visit visit, string name) => visit.Page.Locator("#uploads li", new() { HasTextRegex = new Regex(Regex.Escape(name)) });

    private static async Task SendAsync(Visit visit, FilePayload file)
    {
        await visit.Page.Locator("#files").SetInputFilesAsync([file]);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
    }

    private async Task<Visit> CollectionAsync(string name)
    {
        using (var response = await site.Http.PutAsync($"/v1/collections/{name}", new StringContent("{}", Encoding.UTF8, "application/json"))) response.EnsureSuccessStatusCode();
        return await site.VisitAsync($"/documents?collection={name}");
    }
}
