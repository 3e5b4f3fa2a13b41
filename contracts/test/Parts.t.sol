// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {DemoToken} from "../DemoToken.sol";
import {Disputes} from "../Disputes.sol";
import {Federation} from "../Federation.sol";
import {Settler} from "../Settler.sol";
import {Steps} from "../Steps.sol";
import {Vault} from "../Vault.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Fixture} from "./Fixture.sol";

/// @dev A federation cannot be created with parts that were made for something else.
contract PartsTest is Fixture {
    IRounds.Terms private terms;
    address private planned;

    function setUp() public {
        found(3, 4);
        terms = agreed(3);
    }

    /// @dev Right parts for the federation that is created after `more` other contracts.
    function parts(uint256 more) private returns (IRounds.Parts memory made) {
        planned = after_(PARTS + more);
        made = partsOf(planned, terms, token);
    }

    function refused(IRounds.Parts memory made, address part) private {
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongPart.selector, part));
        new Federation(terms, token, address(this), made);
    }

    function test_RightPartsAreTaken() public {
        IRounds.Parts memory made = parts(0);
        Federation other = new Federation(terms, token, address(this), made);
        require(address(other) == planned, "the address is the predicted one");
        require(address(other.vault()) == made.vault, "vault");
        require(address(other.disputes()) == made.disputes, "disputes");
        require(other.settler() == made.settler, "settler");
        require(other.steps() == made.steps, "steps");
        require(keccak256(abi.encode(other.terms())) == keccak256(abi.encode(terms)), "terms");
    }

    function test_PartsOfAnotherFederationAreRefused() public {
        IRounds.Parts memory made = parts(0);
        made.vault = address(vault);
        refused(made, made.vault);
        made = parts(0);
        made.disputes = address(disputes);
        refused(made, made.disputes);
        made = parts(0);
        made.settler = federation.settler();
        refused(made, made.settler);
        made = parts(0);
        made.steps = federation.steps();
        refused(made, made.steps);
    }

    function test_AVaultOfAnotherTokenIsRefused() public {
        IRounds.Parts memory made = parts(2);
        DemoToken other = new DemoToken(address(this));
        made.vault = address(new Vault(planned, other, terms.unbonding));
        refused(made, made.vault);
    }

    function test_AVaultThatUnbondsSoonerIsRefused() public {
        IRounds.Parts memory made = parts(1);
        made.vault = address(new Vault(planned, token, 0));
        refused(made, made.vault);
    }

    function test_AJudgeOfAnotherMergeIsRefused() public {
        (terms.mergeRule, terms.mergeParameter) = (1, 2);
        IRounds.Parts memory made = parts(1);
        made.disputes = address(new Disputes(IFederation(planned), 1, 1));
        refused(made, made.disputes);
        made = parts(1);
        made.disputes = address(new Disputes(IFederation(planned), 0, 0));
        refused(made, made.disputes);
    }

    function test_ASettlerWithOtherTermsIsRefused() public {
        IRounds.Parts memory made = parts(1);
        IRounds.Terms memory other = terms;
        other.minScore += 1;
        made.settler = address(new Settler(planned, other));
        refused(made, made.settler);
    }

    function test_StepsWithOtherTermsAreRefused() public {
        IRounds.Parts memory made = parts(1);
        IRounds.Terms memory other = terms;
        other.mergePenalty = 0;
        made.steps = address(new Steps(planned, other, made));
        refused(made, made.steps);
    }

    function test_StepsWithAnotherJudgeAreRefused() public {
        IRounds.Parts memory made = parts(1);
        IRounds.Parts memory other = made;
        address honest = made.disputes;
        other.disputes = address(this);
        made.steps = address(new Steps(planned, terms, other));
        made.disputes = honest;
        refused(made, made.steps);
    }

    function test_APartInThePlaceOfAnotherIsRefused() public {
        IRounds.Parts memory made = parts(0);
        made.disputes = made.vault;
        refused(made, made.vault);
        made = parts(0);
        made.steps = made.settler;
        refused(made, made.settler);
    }

    function test_AnAddressWithoutCodeIsRefused() public {
        IRounds.Parts memory made = parts(0);
        made.steps = address(0xdead);
        refused(made, made.steps);
    }

    function test_PartsForTheAddressAfterThisAreRefused() public {
        IRounds.Parts memory made = parts(1);
        refused(made, made.vault);
    }

    /// @dev Called at their own address, the steps have empty storage and revert.
    function test_TheStepsDoNothingAtTheirOwnAddress() public {
        open();
        commit(0);
        commit(1);
        commit(2);
        pass(WINDOW);
        uint64 id = roundId();
        Steps steps = Steps(federation.steps());
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongRound.selector, 0));
        steps.advance(id);
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongRound.selector, 0));
        steps.advance(0);
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotDisputes.selector, address(this)));
        steps.punish(id, 1, IRounds.Offence.Equivocation, address(this));
        vm.prank(address(disputes));
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongRound.selector, 0));
        steps.disprove(id, address(this));
        federation.advance(id);
        require(federation.phase() == IRounds.Phase.Score, "the federation itself goes on");
    }
}
