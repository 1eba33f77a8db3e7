using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Rag.App.Pages;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

public sealed class AccessibilityTests(Site site)
{
    public static TheoryData<string> Pages => [.. ConsolePages.All.Where(p => p.Server == ConsoleServer.Filled).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task No_page_violates_a_rule_in_light_or_dark(string name)
    {
        var page = ConsolePages.Named(name);
        await using var visit = await site.VisitAsync(await page.PathAsync(site.State));
        await page.OpenAsync(visit.Page);
        string.Join("\n", await PageRules.ViolationsAsync(visit.Page)).ShouldBe("");
    }

    [Theory]
    [InlineData(360)]
    [InlineData(768)]
    [InlineData(1100)]
    [InlineData(3840)]
    public async Task No_page_scrolls_sideways(int width)
    {
        await using var visit = await site.VisitAsync("/", o => o.ViewportSize = new() { Width = width, Height = 740 });
        foreach (var page in ConsolePages.All.Where(p => p.Server == ConsoleServer.Filled))
        {
            await visit.Page.GotoAsync(await page.PathAsync(site.State));
            // What is folded away is part of the page, too.
            await visit.Page.EvaluateAsync("for (const details of document.querySelectorAll('details')) details.open = true");
            (await PageRules.SidewaysAsync(visit.Page)).ShouldBeLessThanOrEqualTo(0, page.Name);
        }
    }

    /// <summary>A page that is not in the list would be looked at by nobody: no test, no check, no picture.</summary>
    [Fact]
    public async Task Every_page_of_the_server_is_in_the_list()
    {
        var paths = new List<string>();
        foreach (var page in ConsolePages.All) paths.Add(new Uri(new(site.Url), await page.PathAsync(site.State)).AbsolutePath);
        var missing = site.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<PageMetadata>() is not null && e.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("GET") == true)
            // It leads to the provider of single sign-on.
            .Where(e => e.RoutePattern.RawText != Rag.Access.SingleSignOn.StartPath)
            .Where(e => !paths.Any(p => new TemplateMatcher(TemplateParser.Parse(e.RoutePattern.RawText!.TrimStart('/')), []).TryMatch(p, [])))
            .Select(e => e.RoutePattern.RawText);
        missing.ShouldBeEmpty();
    }

    /// <summary><c>./screenshots</c> makes them.</summary>
    [Fact]
    public void Every_page_has_its_pictures_and_its_sentence_in_the_manual() => ConsoleManual.Differences(Rag.Testing.LocalCluster.Root()).ShouldBeEmpty();

    [Fact]
    public async Task A_newcomer_asks_checks_and_rates_with_the_keyboard_alone()
    {
        await using var visit = await site.VisitAsync("/documents");
        var keys = visit.Page.Keyboard;
        await keys.PressAsync("Tab");
        await Expect(visit.Page.GetByText("Skip to the content")).ToBeFocusedAsync();
        await keys.PressAsync("Enter");
        await Expect(visit.Page.Locator("#main")).ToBeFocusedAsync();
        await keys.PressAsync("/");
        await Expect(visit.Page.Locator("#q")).ToBeFocusedAsync();
        await keys.TypeAsync(SampleDocuments.RestoreQuestion);
        await keys.PressAsync("Enter");
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(SampleDocuments.RestoreQuestion);
        await TabToAsync(visit.Page, "cite-2");
        await keys.PressAsync("Enter");
        await Expect(visit.Page.Locator("#panel-title")).ToBeFocusedAsync();
        await Expect(visit.Page.Locator("#panel-title .cite")).ToHaveTextAsync("2");
        await Expect(visit.Page.Locator("#status")).ToHaveTextAsync("Source 2: Backups");
        await TabToAsync(visit.Page, "scroller");
        await keys.PressAsync("Shift+Tab");
        await keys.PressAsync("Enter");
        await keys.PressAsync("Tab");
        (await visit.Page.EvaluateAsync<bool>("document.querySelector('.answer').contains(document.activeElement)")).ShouldBeTrue();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).FocusAsync();
        await keys.PressAsync("Enter");
        await Expect(visit.Page.Locator(".thanks")).ToBeFocusedAsync();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task On_a_phone_a_citation_leads_to_the_passage_below_and_back()
    {
        await using var visit = await site.VisitAsync(AskTests.Path(SampleDocuments.RestoreQuestion), o => o.ViewportSize = new() { Width = 360, Height = 740 });
        await visit.Page.Locator("#cite-2").ClickAsync();
        await Expect(visit.Page.Locator("#quote")).ToBeInViewportAsync();
        await visit.Page.GetByText("Back to the answer").ClickAsync();
        await Expect(visit.Page.Locator("#cite-2")).ToBeInViewportAsync();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Nothing_moves_while_a_page_loads()
    {
        await using var visit = await site.VisitAsync(AskTests.Path(SampleDocuments.RestoreQuestion));
        (await PageRules.ShiftsAsync(visit.Page)).ShouldBeEmpty();
    }

    private static async Task TabToAsync(IPage page, string id)
    {
        for (int i = 0; i < 60; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            if (await page.EvaluateAsync<string>("document.activeElement.id") == id) return;
        }
        Assert.Fail($"The keyboard does not reach #{id}.");
    }
}
