// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFederation} from "../interfaces/IFederation.sol";
import {Fixture} from "./Fixture.sol";
import {Test} from "./Vm.sol";

/// @dev Does anything at any time, as forge bids; what is refused is refused. Keeps its own count
/// of what must never happen twice.
contract Anybody is Fixture {
    uint256 private constant START_NODES = 5;
    uint256 private nodes;

    mapping(uint64 round => mapping(uint256 node => uint256)) public commitments;
    uint256 public mostCommitments;
    uint256 public paid;
    uint256 public badPhase;
    uint256 public settled;
    IFederation.Phase private last;
    uint64 private lastRound;

    constructor() {
        found(3, START_NODES);
        nodes = START_NODES;
    }

    /// @dev Phases go forward within a round, and only a new round goes back.
    modifier watched() {
        _;
        (IFederation.Phase now_, uint64 id) = (federation.phase(), roundId());
        bool back = id == lastRound ? now_ < last : id != lastRound + 1;
        if (back) ++badPhase;
        (last, lastRound) = (now_, id);
    }

    /// @dev The next step of an orderly round; one in four leaves the rest to the deadline.
    function plays(uint256 seed) external watched {
        IFederation.Phase now_ = federation.phase();
        bool lazy = seed % 4 == 0;
        if (federation.cancellable() || now_ == IFederation.Phase.Draw) return advances();
        if (now_ == IFederation.Phase.Idle || now_ >= IFederation.Phase.Final) return opens();
        if (now_ == IFederation.Phase.Commit) return lazy ? pass(WINDOW) : commitsOf(seed);
        if (now_ == IFederation.Phase.Score) return lazy ? pass(WINDOW) : seals(seed);
        if (now_ == IFederation.Phase.Reveal) return lazy ? pass(WINDOW) : reveals(seed);
        if (now_ == IFederation.Phase.Settle) return settles();
        if (now_ == IFederation.Phase.Merge) return lazy ? pass(1) : proposes(0, bytes32(seed));
        if (federation.round().deadline <= time) return advances();
        if (seed % 8 < 4) return attests();
        pass(DISPUTE_WINDOW);
    }

    /// @dev Any other call, at whatever time.
    function meddles(uint256 kind, uint256 a, uint256 b, uint256 c) external watched {
        kind %= 16;
        if (kind == 0) joins();
        if (kind == 1) leaves(a);
        if (kind == 2) commits(a);
        if (kind == 3) relays(a, b, c);
        if (kind == 4) advances();
        if (kind == 5) seals(a);
        if (kind == 6) reveals(a);
        if (kind == 7) settles();
        if (kind == 8) proposes(a, bytes32(b));
        if (kind == 9) attests();
        if (kind == 10 || kind == 11) claims(a);
        if (kind == 12) pauses(a % 2 == 0);
        if (kind == 13) withdraws(a);
        if (kind == 14) deposits(a);
        if (kind == 15) waits(a);
    }

    /// @dev Some or all nodes that can, commit.
    function commitsOf(uint256 seed) internal {
        for (uint256 i; i < nodes; ++i) {
            IFederation.Node memory one = federation.node(uint16(i + 1));
            bool active = one.activeFrom <= roundId() && roundId() < one.activeUntil;
            bool done = commitments[roundId()][i] != 0;
            if (active && !done && (seed >> i) % 4 != 3) commits(i);
        }
    }

    function opens() internal {
        bytes32 base = federation.stateRoot();
        federation.openRound(base);
        updates = "";
        delete scores;
    }

    function waits(uint256 seconds_) internal {
        pass(bound(seconds_, 1, WINDOW));
    }

    function joins() internal {
        if (nodes < 12) join(nodes++);
    }

    function leaves(uint256 i) internal {
        federation.revoke(uint16(bound(i, 1, nodes)));
    }

    function commits(uint256 i) internal {
        i = bound(i, 0, nodes - 1);
        commit(i);
        note(i);
    }

    function relays(uint256 i, uint256 j, uint256 by) internal {
        (i, j, by) = (bound(i, 0, nodes - 1), bound(j, 0, nodes - 1), bound(by, 0, nodes - 1));
        uint256 before = federation.round().committed;
        federation.commitUpdates(roundId(), bytes.concat(item(i, i), item(j, by), item(i, i)));
        uint256 fresh = federation.round().committed & ~before;
        relayed(i, fresh);
        if (j != i) relayed(j, fresh);
    }

    function relayed(uint256 i, uint256 fresh) private {
        if ((fresh >> federation.node(uint16(i + 1)).seat) & 1 == 0) return;
        if (federation.seated(federation.node(uint16(i + 1)).seat) != i + 1) return;
        updates = bytes.concat(updates, abi.encodePacked(uint16(i + 1), digestOf(i)));
        note(i);
    }

    function note(uint256 i) private {
        uint256 count = ++commitments[roundId()][i];
        if (count > mostCommitments) mostCommitments = count;
    }

    function advances() internal {
        federation.advance(roundId());
    }

    function seals(uint256 seed) internal {
        uint256 count = updates.length / 34;
        for (uint8 slot = uint8(scores.length); slot < 3; ++slot) {
            if (uint256(keccak256(abi.encode(seed, slot))) % 8 == 0) return;
            sealVerdict(slot, votesOf(seed, slot, count));
            scores.push(votesOf(seed, slot, count));
        }
    }

    function reveals(uint256 seed) internal {
        for (uint8 slot; slot < 3; ++slot) {
            if (uint256(keccak256(abi.encode(seed, slot))) % 8 == 0) return;
            if ((federation.round().revealedSlots >> slot) & 1 == 0) reveal(slot, scores[slot]);
        }
    }

    function settles() internal {
        bytes[] memory given = new bytes[](3);
        for (uint256 slot; slot < 3; ++slot) {
            if ((federation.round().revealedSlots >> slot) & 1 == 1) given[slot] = scores[slot];
        }
        scores = given;
        settle();
        ++settled;
    }

    function proposes(uint256 by, bytes32 root) internal {
        if (by % 2 == 0) return propose(root);
        (uint64 id, address sender) = (roundId(), signer(bound(by, 0, nodes - 1)));
        vm.prank(sender);
        federation.proposeMerge(id, root);
    }

    function attests() internal {
        attest();
    }

    function claims(uint256 id) internal {
        id = bound(id, 1, nodes);
        uint256 before = token.balanceOf(account(id - 1));
        claim(uint16(id));
        paid += token.balanceOf(account(id - 1)) - before;
    }

    function pauses(bool on) internal {
        on ? federation.pause() : federation.unpause();
    }

    function withdraws(uint256 amount) internal {
        vault.withdraw(amount % (REWARD / 4));
    }

    function deposits(uint256 amount) internal {
        fund(amount % REWARD);
    }

    // What must hold ---------------------------------------------------------------------------

    function checkMoney() external view {
        conserved();
        eq(paid, vault.claimedTotal(), "what was paid was claimed");
        IFederation.Phase now_ = federation.phase();
        bool between = now_ == IFederation.Phase.Idle || now_ >= IFederation.Phase.Final;
        bool merging = now_ == IFederation.Phase.Merge || now_ == IFederation.Phase.Proposed;
        uint256 held = between ? 0 : merging ? REWARD / 20 : REWARD;
        eq(vault.reserved(), held, "reserved");
    }

    /// @dev Every total in the ledger, with every bonus, adds up to what was earned.
    function checkLedger() external view {
        uint256 sum;
        for (uint256 i; i < totals.length; ++i) {
            sum += totals[i];
            le(vault.claimed(uint16(i + 1)), totals[i], "claimed of the total");
        }
        uint256 owed;
        for (uint256 i; i < totals.length; ++i) {
            owed += totals[i] - vault.claimed(uint16(i + 1)) + vault.bonus(uint16(i + 1));
        }
        eq(owed, vault.earned() - vault.claimedTotal(), "owed");
        le(sum, vault.earned(), "ledger");
    }

    function payAll() external {
        for (uint256 i; i < totals.length; ++i) {
            uint16 id = uint16(i + 1);
            if (totals[i] - vault.claimed(id) + vault.bonus(id) != 0) claims(id);
        }
        eq(vault.claimedTotal(), vault.earned(), "everything earned can be claimed at any time");
    }
}

/// @dev Invariants of a federation under any sequence of calls.
contract InvariantTest is Test {
    struct Target {
        address addr;
        bytes4[] selectors;
    }

    Anybody private anybody;

    function setUp() public {
        anybody = new Anybody();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(anybody);
    }

    /// @dev Half of what happens is orderly, or rounds would never get far.
    function targetSelectors() external view returns (Target[] memory targets) {
        targets = new Target[](1);
        targets[0].addr = address(anybody);
        targets[0].selectors = new bytes4[](2);
        targets[0].selectors[0] = anybody.plays.selector;
        targets[0].selectors[1] = anybody.meddles.selector;
    }

    function invariant_MoneyIsConserved() external view {
        anybody.checkMoney();
    }

    function invariant_TheLedgerAddsUp() external view {
        anybody.checkLedger();
    }

    function invariant_OneCommitmentPerNodeAndRound() external view {
        le(anybody.mostCommitments(), 1, "commitments");
    }

    function invariant_PhasesGoForward() external view {
        eq(anybody.badPhase(), 0, "steps back");
    }

    /// @dev The invariants are worth something only if rounds do get to their end.
    function test_OrderlyPlayReachesTheEnd() external {
        for (uint256 i; i < 200; ++i) {
            try anybody.plays(uint256(keccak256(abi.encode(i)))) {} catch {}
        }
        le(5, anybody.settled(), "rounds settled");
        invariantsHold();
        anybody.payAll();
        le(1, anybody.paid(), "paid");
    }

    function invariantsHold() private view {
        anybody.checkMoney();
        anybody.checkLedger();
    }

    /// @dev Also while paused: the last thing that happens is that everybody is paid.
    function afterInvariant() external {
        anybody.payAll();
    }
}
