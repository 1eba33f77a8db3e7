namespace Rag.Answering.Verification;

/// <summary>What a claim cites: a text, verbatim, and where it stands.</summary>
/// <param name="Context">Title and headings above it. They may say who is spoken of; they support nothing by themselves.</param>
internal sealed record CitedSpan(string Text, string Context = "");

/// <summary>Whether the cited spans say what a claim says.</summary>
/// <param name="Reason">Why not, as a clause for people: "the number 40 is not in the source"; empty where it is supported.</param>
/// <param name="Score">0–1: how much of the claim the spans carry; it decides only where nothing was found that contradicts.</param>
internal sealed record Verdict(bool Supported, string Reason, double Score);
