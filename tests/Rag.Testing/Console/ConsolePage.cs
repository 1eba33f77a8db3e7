using Microsoft.Playwright;

namespace Rag.Testing.Console;

/// <summary>The server that a page stands on.</summary>
public enum ConsoleServer
{
    /// <summary>One with documents and a past, open to whoever reaches it.</summary>
    Filled,
    /// <summary>One that was just installed.</summary>
    Empty,
    /// <summary>One that lets nobody in without a key.</summary>
    Keyed,
}

/// <summary>A page of the console in a state worth looking at.</summary>
/// <param name="Name">Lower case with hyphens; its pictures are called so.</param>
/// <param name="Purpose">What it is for, in a sentence of the manual.</param>
/// <param name="PathAsync">Makes the state where it is not made yet, and says where the page is.</param>
public sealed record ConsolePage(string Name, string Purpose, Func<ConsoleState, Task<string>> PathAsync)
{
    public ConsolePage(string name, string purpose, string path) : this(name, purpose, _ => Task.FromResult(path))
    {
    }

    public ConsoleServer Server { get; init; }

    /// <summary>What is clicked on before it is looked at: texts of summaries and buttons.</summary>
    public IReadOnlyList<string> Opens { get; init; } = [];

    /// <summary>What is chosen in the form for files and sent.</summary>
    public IReadOnlyList<(string Name, string Text)> Sends { get; init; } = [];

    /// <summary>What its address answers with.</summary>
    public int Status { get; init; } = 200;

    /// <summary>Brings it into the state in which it is looked at, once it is loaded.</summary>
    public async Task OpenAsync(IPage page)
    {
        foreach (string text in Opens) await page.GetByText(text, new() { Exact = true }).ClickAsync();
        if (Sends.Count == 0) return;
        await page.Locator("#files").SetInputFilesAsync(Sends.Select(f => new FilePayload { Name = f.Name, MimeType = "text/plain", Buffer = System.Text.Encoding.UTF8.GetBytes(f.Text) }));
        await page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
        await Assertions.Expect(page.Locator("#uploads .good, #uploads .bad")).ToHaveCountAsync(Sends.Count);
    }

    public override string ToString() => Name;
}
