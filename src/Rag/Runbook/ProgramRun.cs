using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Rag.Runbook;

/// <param name="ExitCode">Null where it did not end in time, and was ended.</param>
internal sealed record ProgramResult(int? ExitCode, string Output);

/// <summary>Runs a program to its end: both streams as lines, bounded in time and in what is kept.</summary>
internal static class ProgramRun
{
    private const int KeptChars = 4 * RunbookRecord.MaxOutputChars;
    private const int NotFoundCode = 127;

    public static async Task<ProgramResult> RunAsync(IReadOnlyList<string> command, TimeSpan limit, Action<string>? onLine, CancellationToken ct, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in command.Skip(1)) start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var kept = new StringBuilder();
        void Keep(string? line)
        {
            if (line is null) return;
            lock (kept)
            {
                kept.Append(line).Append('\n');
                if (kept.Length > KeptChars) kept.Remove(0, kept.Length - KeptChars);
                onLine?.Invoke(line);
            }
        }
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            return new(NotFoundCode, $"{command[0]}: {e.Message}");
        }
        using (process)
        {
            process.OutputDataReceived += (_, e) => Keep(e.Data);
            process.ErrorDataReceived += (_, e) => Keep(e.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            process.StandardInput.Close();
            using var bounded = CancellationTokenSource.CreateLinkedTokenSource(ct);
            bounded.CancelAfter(limit);
            int? code = null;
            try
            {
                await process.WaitForExitAsync(bounded.Token);
                code = process.ExitCode;
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
                ct.ThrowIfCancellationRequested();
                Keep($"It did not end within {limit.TotalSeconds:0} s and was stopped.");
            }
            lock (kept) return new(code, kept.ToString());
        }
    }

    /// <summary>How this product is started as a program of its own.</summary>
    public static IReadOnlyList<string> Product()
    {
        string? self = Environment.ProcessPath;
        if (self is not null && Path.GetFileName(self) is "rag" or "rag.exe") return [self!];
        bool host = self is not null && Path.GetFileNameWithoutExtension(self).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        return [host ? self! : "dotnet", Path.Combine(AppContext.BaseDirectory, "rag.dll")];
    }
}
