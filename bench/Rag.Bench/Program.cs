using System.Runtime.InteropServices;
using Rag.Bench;
using Rag.Bench.Verify;

// Ctrl+C and TERM end it in order: scratch directories are removed, child processes ended.
using var stop = new CancellationTokenSource();
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    return args switch
    {
        [BareServer.Command, var port, var file] => await BareServer.RunAsync(port, file, stop.Token),
        [BareServer.RazorCommand, var port] => await BareServer.RunRazorAsync(port, stop.Token),
        [AuditedServer.Command, var port, var folder, var noted] => await AuditedServer.RunAsync(port, folder, noted, stop.Token),
        [ModelServer.Command, var port, var mode] => await ModelServer.RunAsync(port, mode, stop.Token),
        [GrowthBench.OpenCommand, var folder] => await GrowthBench.OpenAsync(folder, stop.Token),
        ["screenshots", .. var names] => await Screenshots.RunAsync(names, stop.Token),
        ["verify", .. var rest] => await Verification.RunAsync(rest, stop.Token),
        _ => await Benchmarks.RunAsync(args, stop.Token),
    };
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
