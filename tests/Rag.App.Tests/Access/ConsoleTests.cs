using System.Text.RegularExpressions;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Rag.App.Tests.Pages;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Access;

/// <summary>The pages in mode keys, in a browser.</summary>
public sealed class ConsoleTests(KeyedServer server, Site site) : IClassFixture<KeyedServer>
{
    [Fact]
    public async Task Somebody_signs_in_makes_a_key_and_signs_out()
    {
        string key = (await server.KeyAsync("admin")).Secret;
        await using var visit = await VisitAsync("/operate/access");
        var page = visit.Page;
        await Expect(page).ToHaveURLAsync(new Regex("/sign-in\\?return="));
        await ShouldBeAccessibleAsync(page);
        await page.GetByLabel("Key").FillAsync(key);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex("/operate/access$"));
        await Expect(page.Locator(".who")).ToContainTextAsync("test admin");
        await page.GetByText("New key").ClickAsync();
        await page.GetByLabel("What it is for").FillAsync("from a browser");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the key" }).ClickAsync();
        await Expect(page.Locator("#secret")).ToHaveValueAsync(new Regex("^rag_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$"));
        await ShouldBeAccessibleAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex("/sign-in$"));
        await page.GotoAsync("/documents");
        await Expect(page).ToHaveURLAsync(new Regex("/sign-in\\?return="));
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task The_page_of_the_interface_works_under_its_policy()
    {
        await using var visit = await site.VisitAsync("/docs/");
        // It draws itself, from the description, with nothing but this server's files; what else it would fetch it does without.
        await Expect(visit.Page.GetByRole(AriaRole.Link, new() { Name = "Introduction" }).First).ToBeVisibleAsync(new() { Timeout = 15_000 });
    }

    private Task<Visit> VisitAsync(string path) => site.VisitAsync(path, site: server.Address.GetLeftPart(UriPartial.Authority));

    private static async Task ShouldBeAccessibleAsync(IPage page)
    {
        foreach (var scheme in new[] { ColorScheme.Dark, ColorScheme.Light })
        {
            await page.EmulateMediaAsync(new() { ColorScheme = scheme });
            var result = await page.RunAxe(PageRules.All);
            string.Join("\n", result.Violations.Select(v => $"{scheme} {v.Id}: {v.Help} — {string.Join("; ", v.Nodes.Select(n => n.Html))}")).ShouldBe("");
        }
        if (Environment.GetEnvironmentVariable("RAG_SCREENSHOTS") is { Length: > 0 } folder)
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{Regex.Replace(new Uri(page.Url).AbsolutePath, "[^a-z]+", "-")}.png"), FullPage = true });
    }
}
