namespace Rag.Runbook;

/// <summary>A command of a step, as the runbook has it.</summary>
/// <param name="Id">Within the section: <c>3</c>, or <c>3a</c>, <c>3b</c> where a step has several.</param>
/// <param name="Text">Lines for a shell.</param>
/// <param name="Where">The words before it that say where it belongs, such as <c>On Kubernetes</c>; null where it always does.</param>
/// <param name="Expected">What is seen where all is well.</param>
/// <param name="Changes">What it changes; null where it only reads.</param>
/// <param name="Placeholders">Words in the text for which a value must be put in.</param>
public sealed record RunbookCommand(string Id, string Text, string? Where, string? Expected, string? Changes, IReadOnlyList<string> Placeholders)
{
    public bool ReadOnly => Changes is null;
}

/// <param name="Text">What to do, as Markdown in one line.</param>
/// <param name="Commands">Empty where a person does it by hand.</param>
public sealed record RunbookStep(string Id, string Text, IReadOnlyList<RunbookCommand> Commands);

/// <param name="Slug">The anchor of its heading.</param>
/// <param name="Chapter">Title of the chapter that it is in; its own where it is one.</param>
/// <param name="Markdown">All of it as it is written, heading included, without the sections below it.</param>
/// <param name="Intro">What stands before the first step.</param>
/// <param name="Outro">What stands after the last step.</param>
public sealed record RunbookSection(string Slug, string Title, int Level, string Chapter, string Markdown, string Intro, string Outro, IReadOnlyList<RunbookStep> Steps)
{
    public IEnumerable<RunbookCommand> Commands => Steps.SelectMany(s => s.Commands);
}
