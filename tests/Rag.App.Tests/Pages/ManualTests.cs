using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;
using Rag.App.Pages;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

/// <summary>The product's own manual, as <c>rag demo</c> serves it.</summary>
public sealed class ManualTests(Site site)
{
    /// <summary>With this variable set to a folder, the pictures of the README are taken anew into it.</summary>
    private const string PicturesVariable = "RAG_SCREENSHOTS";

    [Fact]
    public async Task The_questions_to_try_are_shown_and_answered_from_the_manual()
    {
        await using var server = await RunningServer.StartAsync();
        string manual = Path.Combine(AppContext.BaseDirectory, "docs");
        foreach (string file in Directory.EnumerateFiles(manual, "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            await server.AddAsync("default", "docs/" + Path.GetRelativePath(manual, file).Replace('\\', '/'), await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        await server.WaitForEmbeddingAsync("default");
        foreach (string question in Examples.Questions)
        {
            using var response = await server.Http.PostAsJsonAsync("/v1/ask", new { question }, TestContext.Current.CancellationToken);
            var answer = await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
            answer.GetProperty("outcome").GetString().ShouldBe("answered", question);
        }
        await using var visit = await site.VisitAsync("/", site: server.Url);
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = Examples.Questions[0] }).ClickAsync();
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(Examples.Questions[0]);
        await Expect(visit.Page.Locator("#quote")).ToBeInViewportAsync();
        visit.ShouldBeQuiet();
        if (Environment.GetEnvironmentVariable(PicturesVariable) is { Length: > 0 } folder) await TakePicturesAsync(server.Url, folder);
    }

    private async Task TakePicturesAsync(string url, string folder)
    {
        string ask = AskTests.Path(Examples.Questions[0]);
        (string Name, string Path, int Width, int Height, ColorScheme Scheme)[] pictures =
        [
            ("ask", ask, 1280, 760, ColorScheme.Light),
            ("ask-dark", ask, 1280, 760, ColorScheme.Dark),
            ("ask-phone", ask, 390, 844, ColorScheme.Light),
            ("documents", "/documents", 1280, 760, ColorScheme.Light),
        ];
        foreach (var (name, path, width, height, scheme) in pictures)
        {
            await using var visit = await site.VisitAsync(path, o =>
            {
                o.ViewportSize = new() { Width = width, Height = height };
                o.ColorScheme = scheme;
            }, url);
            await visit.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png") });
        }
    }
}
